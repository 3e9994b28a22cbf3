/** Goal: a cycle that the disk refused is written again whole. Method: the writer over a store that refuses once. */
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { AppendTicket, HardState, LogIndex } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { expect, it } from "vitest";
import type { AppliedUpdate, LogStore, WriteCycle } from "../src/ports.ts";
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
    groups: new Map(),
  };
  const durable: number[] = [];
  const writer = new Writer({
    store: { write } as LogStore,
    now: () => 0,
    gauges: { writing: () => undefined },
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
  expect(writer.flushes).toBe(0);
  // At once it would be refused again: a turn follows a refusal, and would be followed by the next one.
  writer.kick();
  expect(cycles).toHaveLength(1);
  refuse = false;
  writer.tick();
  writer.kick();
  await writer.untilIdle();
  expect(cycles).toHaveLength(2);
  expect(cycles[1]).toEqual(cycles[0]);
  expect(cycles[1]?.hardState?.commitIndex).toBe(9);
  expect(durable).toEqual([1, 2]);
  expect(writer.flushes).toBe(1);
});

it("ends with everything that is queued in one cycle, and owes no receipt", async () => {
  const cycles: WriteCycle[] = [];
  let finishFirst = (): void => {};
  const write: LogStore["write"] = async (cycle) => {
    cycles.push(cycle);
    if (cycles.length === 1) await new Promise<void>((resolve) => (finishFirst = resolve));
  };
  const update = {
    appliedIndex: 9 as LogIndex,
    membership: undefined,
    producers: new Map(),
    groups: new Map(),
  };
  const writer = new Writer({
    store: { write } as LogStore,
    now: () => 0,
    gauges: { writing: () => undefined },
    // What is applied rests on a commit index that is still in the queue.
    takeApplied: () => (cycles.length === 0 ? undefined : update),
    restoreApplied: () => {},
    onDurable: () => {},
    onError: () => {},
  });
  let durable = 0;
  const receipt = { stepped: () => {}, durable: () => void durable++ };
  writer.enqueue(ticket(1, { hardState: hardState(3) }), [receipt]);
  writer.kick();
  writer.enqueue(ticket(2, { hardState: hardState(9), mustSync: false }), [receipt]);
  writer.kick();
  const rest = writer.flushRest();
  finishFirst();
  await rest;
  expect(cycles[1]).toEqual({ entries: [], hardState: hardState(9), applied: update });
  expect(durable).toBe(2);
});
