/** Goal: a cycle that the disk refused is written again whole. Method: the writer over a store that refuses once. */
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { AppendTicket, HardState, LogIndex } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { AppliedUpdate, LogStore, WriteCycle } from "@annals/replica";
import { expect, it } from "vitest";
import { Writer } from "../src/writer.ts";

function ticket(number: number, fields: Partial<AppendTicket>): AppendTicket {
  return {
    number,
    hardState: undefined,
    entries: [],
    snapshot: undefined,
    mustSync: true,
    afterDurable: [],
    term: asTerm(1),
    lastEntry: undefined,
    ...fields,
  };
}

function hardState(commitIndex: number): HardState {
  return { term: asTerm(1), votedFor: asMemberId(1), commitIndex: asIndex(commitIndex) };
}

// Keeps L5.
it("keeps the commit index and the derived state of a refused cycle for the next try", async () => {
  const cycles: WriteCycle[] = [];
  let refuse = true;
  const write: LogStore["write"] = async (cycle) => {
    cycles.push(cycle);
    if (refuse) throw new AnnalsError("ERR_DISK_FULL", "full", { retryable: true });
  };
  let update: AppliedUpdate | undefined = {
    appliedIndex: 9 as LogIndex,
    membership: undefined,
    producers: new Map(),
  };
  const durable: number[] = [];
  const writer = new Writer({
    store: { write } as LogStore,
    now: () => 0,
    takeApplied: () => {
      const taken = update;
      update = undefined;
      return taken;
    },
    restoreApplied: (restored) => {
      update = restored;
    },
    onDurable: (tickets) => durable.push(...tickets.map((one) => one.number)),
    onError: () => {},
  });
  // News of the commit index alone waits for company; the next ticket brings no hard state of its own.
  writer.enqueue(ticket(1, { hardState: hardState(9), mustSync: false }), []);
  writer.kick();
  writer.enqueue(ticket(2, {}), []);
  writer.kick();
  await writer.untilIdle();
  expect(durable).toEqual([1]);
  refuse = false;
  writer.kick();
  await writer.untilIdle();
  expect(cycles).toHaveLength(2);
  expect(cycles[1]).toEqual(cycles[0]);
  expect(cycles[1]?.hardState?.commitIndex).toBe(9);
  expect(durable).toEqual([1, 2]);
});
