// Goal: a request that a change of leader cut in two is neither forgotten, nor stored twice, nor called not accepted.
// Method: the parts of the append path, driven by hand.
import { asIndex, asTerm } from "@annals/raft";
import { asSeq } from "@annals/record";
import type { BatchHeader } from "@annals/record";
import { expect, it } from "vitest";
import { AppendQueue, pendingAppend } from "../../src/appendQueue.ts";
import { Appender } from "../../src/appender.ts";
import { notLeader } from "../../src/errors.ts";
import { REPLICA_DEFAULTS } from "../../src/config.ts";
import { ProducerTable } from "../../src/producers.ts";
import { ReplicaGauges } from "../../src/replicaGauges.ts";

const stamp = (sequence: number) => ({ id: "p", epoch: 1, sequence, fingerprint: 0 });

function header(firstSeq: number, sequence: number, count: number): BatchHeader {
  return {
    firstSeq: asSeq(firstSeq),
    count,
    recordedAt: 0,
    requests: [{ count, producer: stamp(sequence) }],
  };
}

/** Half of request 1, all of 2 and 3, then the rest of 1. */
function tableWithACutRequest(): ProducerTable {
  const table = new ProducerTable(10, new Map());
  table.apply(asIndex(1), header(1, 1, 2));
  table.apply(asIndex(2), header(3, 2, 1));
  table.apply(asIndex(3), header(4, 3, 1));
  return table;
}

it("a request that is finished after later ones does not become the producer's latest", () => {
  const table = tableWithACutRequest();
  table.apply(asIndex(4), header(5, 1, 2));
  expect(table.get("p")?.recent.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(table.judge(stamp(1), 4)).toMatchObject({
    kind: "repeat",
    answer: { firstSeq: 1, lastSeq: 6, count: 4 },
  });
  expect(table.judge(stamp(2), 1)).toMatchObject({ kind: "repeat" });
  expect(table.judge(stamp(4), 1)).toEqual({ kind: "new" });
});

it("resuming a cut request does not make the leader take later ones for new", () => {
  const producers = tableWithACutRequest();
  const appender = new Appender({
    gauges: new ReplicaGauges(REPLICA_DEFAULTS),
    core: {} as never,
    machine: { producers, appliedSeq: asSeq(4) } as never,
    stamps: {} as never,
    replica: { config: REPLICA_DEFAULTS },
  });
  const waiter = { resolve: () => {}, reject: () => {}, deadlineMs: 1 };
  const records = [1, 2, 3, 4].map(() => new Uint8Array(1));
  appender.admit({ records, stamp: stamp(1), timeoutMs: 1 }, waiter);
  expect(producers.judge(stamp(2), 1)).toMatchObject({ kind: "repeat" });
  expect(producers.judge(stamp(4), 1)).toEqual({ kind: "new" });
});

it("the outcome of a request is unknown when one batch of it is in the log and the next is lost", () => {
  const queue = new AppendQueue(1000);
  const codes: string[] = [];
  const waiter = {
    resolve: () => {},
    reject: ({ code }: { code: string }) => codes.push(code),
    deadlineMs: 1,
  };
  const lost = () => notLeader(0 as never);
  for (const name of ["cut", "whole"]) {
    const records = [1, 2].map(() => new Uint8Array(name.length));
    queue.push(pendingAppend({ records, stamp: undefined, timeoutMs: 1 }, undefined, waiter));
  }
  for (let index = 1; index <= 4; index++) {
    const batch = queue.form(1, 1000);
    if (batch !== undefined) queue.proposedAt(asIndex(index), asTerm(1), asSeq(index), batch);
  }
  queue.applied(asIndex(1), asTerm(1), lost);
  // Entry 2 of a later term takes the place of the second batch, and nothing that was proposed behind it can come any more.
  queue.applied(asIndex(2), asTerm(2), lost);
  expect(codes).toEqual(["ERR_OUTCOME_UNKNOWN", "ERR_NOT_LEADER"]);
  expect(queue.readGauge().current).toBe(0);
});
