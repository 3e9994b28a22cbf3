/**
 * Goal: what would make a log differ from what was promised is refused before a byte is written, and what is written is exactly the change.
 * Method: plans against a segment in memory with five entries.
 */
import { asIndex } from "@annals/raft";
import type { Entry } from "@annals/raft";
import { asSeq, batchSeqRange, ZERO_HASH } from "@annals/record";
import type { WriteCycle } from "@annals/replica";
import { batchEntry, cycleOf, hardState, noopEntry, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { describe, expect, test } from "vitest";
import { planCycle } from "../../src/segments/cyclePlan.ts";
import type { CyclePlan, PlanContext } from "../../src/segments/cyclePlan.ts";
import { origin } from "../../src/segments/roll.ts";
import type { BatchRef } from "../../src/segments/segment.ts";
import type { Head } from "../../src/segments/segmentState.ts";
import { hashEntry } from "../../src/segments/storedEntry.ts";

const record = new TextEncoder().encode("a");
/** Terms 1 1 1 2 2; two records in each batch. */
const ENTRIES: readonly Entry[] = [
  noopEntry(1, 1),
  batchEntry(2, 1, 1, [record, record]),
  batchEntry(3, 1, 3, [record, record]),
  noopEntry(4, 2),
  batchEntry(5, 2, 5, [record, record]),
];
const TERMS = [
  { from: asIndex(1), term: noopEntry(1, 1).term },
  { from: asIndex(4), term: noopEntry(4, 2).term },
];

const heads: Head[] = [origin(ZERO_HASH, noopEntry(1, 0).term)];
const batches: BatchRef[] = [];
for (const entry of ENTRIES) {
  const before = heads.at(-1);
  if (before === undefined) throw new Error("no head");
  const isBatch = entry.kind === "records";
  const seq = isBatch ? batchSeqRange(entry.data).lastSeq : before.seq;
  const { index, term } = entry;
  heads.push({ index, term, hash: hashEntry(before.hash, entry), seq });
  if (isBatch) batches.push({ firstSeq: batchSeqRange(entry.data).firstSeq, index });
}
const headAt = (index: number): Head => {
  const head = heads[index];
  if (head === undefined) throw new Error(`no head at ${index}`);
  return head;
};

/** Committed up to 3, applied up to 2. */
const context: PlanContext = {
  state: {
    logId: 1,
    base: headAt(0),
    head: headAt(5),
    hardState: hardState(2, 1, 3),
    appliedIndex: asIndex(2),
    membership: SAMPLE_MEMBERSHIP,
  },
  terms: TERMS,
  headAt,
  batchesFromIndex: (index) => batches.filter((batch) => batch.index >= index),
};

const plan = (cycle: Partial<WriteCycle>): CyclePlan => planCycle(context, cycleOf(cycle));
const applied = (index: number) => ({
  appliedIndex: asIndex(index),
  membership: undefined,
  producers: new Map(),
  groups: new Map(),
});

describe("a plan", () => {
  test("of entries behind the end adds them, with their batches and terms", () => {
    const entries = [batchEntry(6, 2, 7, [record]), noopEntry(7, 3)];
    const { write, terms, truncateFrom, dataBytes } = plan({ entries });
    expect(write.entries.map(({ index }) => index)).toEqual([6, 7]);
    expect(write.batches).toEqual([{ firstSeq: 7, index: 6 }]);
    expect(write.terms).toEqual([{ from: 7, term: 3 }]);
    expect(terms).toEqual([...TERMS, { from: 7, term: 3 }]);
    expect([write.removeTerms, write.removeBatches, truncateFrom]).toEqual([[], [], undefined]);
    expect(write.removeEntries.from).toBeGreaterThan(write.removeEntries.to);
    expect(write.state.head).toMatchObject({ index: 7, term: 3, seq: 7 });
    expect(dataBytes).toBe(entries.reduce((sum, { data }) => sum + data.length, 0));
  });

  test("of entries in the place of others removes all that was there, and no more", () => {
    const { write, terms, truncateFrom } = plan({ entries: [noopEntry(4, 3)] });
    expect(truncateFrom).toBe(4);
    // What is written anew need not be removed.
    expect(write.removeEntries).toEqual({ from: 5, to: 5 });
    expect(write.removeTerms).toEqual([4]);
    expect(write.removeBatches).toEqual([5]);
    expect(write.terms).toEqual([{ from: 4, term: 3 }]);
    expect(terms).toEqual([TERMS[0], { from: 4, term: 3 }]);
    expect(write.state.head).toMatchObject({ index: 4, term: 3, seq: 4 });
  });

  test("of entries in the place of a part of a term keeps its beginning", () => {
    const { write, terms } = plan({ entries: [noopEntry(5, 2)] });
    expect([write.removeTerms, write.terms, write.removeBatches]).toEqual([[], [], [5]]);
    expect(terms).toEqual(TERMS);
    expect(write.state.head).toMatchObject({ index: 5, term: 2, seq: 4 });
  });

  test("without entries changes the state only", () => {
    const { write } = plan({ hardState: hardState(3, 2, 5), applied: applied(5) });
    expect([write.entries, write.batches, write.terms]).toEqual([[], [], []]);
    expect(write.state).toMatchObject({
      head: headAt(5),
      hardState: hardState(3, 2, 5),
      appliedIndex: 5,
      membership: SAMPLE_MEMBERSHIP,
    });
  });

  test("says what was applied, and whose membership holds then", () => {
    const membership = { ...SAMPLE_MEMBERSHIP, learners: [SAMPLE_MEMBERSHIP.voters[0] ?? 0] };
    const producers = new Map([["p", undefined]]);
    const groups = new Map([[asIndex(2), undefined]]);
    const update = { ...applied(3), producers, groups, membership };
    const { write } = plan({ applied: update as never });
    expect(write).toMatchObject({ producers, groups, state: { appliedIndex: 3, membership } });
  });
});

const twisted = { ...noopEntry(6, 2), link: { previousHash: ZERO_HASH, hash: ZERO_HASH } };

test.each<[string, Partial<WriteCycle>]>([
  ["a gap behind the end", { entries: [noopEntry(7, 2)] }],
  ["a gap among the entries", { entries: [noopEntry(6, 2), noopEntry(8, 2)] }],
  ["a truncation of what is committed", { entries: [noopEntry(3, 3)] }],
  ["a term that falls", { entries: [noopEntry(6, 1)] }],
  ["a seq that is skipped", { entries: [batchEntry(6, 2, 8, [record])] }],
  ["a seq that comes again", { entries: [batchEntry(6, 2, 6, [record])] }],
  ["a hash of another chain", { entries: [twisted] }],
  ["a vote of an earlier term", { hardState: hardState(1, 1, 3) }],
  ["a commit index that falls", { hardState: hardState(2, 1, 2) }],
  ["a commit index behind the end", { hardState: hardState(2, 1, 6) }],
  ["an applied index that falls", { applied: applied(1) }],
  ["an applied index behind what is committed", { applied: applied(4) }],
])("%s is refused", (_what, cycle) => {
  expect(() => plan(cycle)).toThrow(expect.objectContaining({ code: "ERR_STORAGE_MISUSE" }));
});

test.each<[string, Partial<WriteCycle>]>([
  ["a truncation right behind what is committed", { entries: [noopEntry(4, 2)] }],
  [
    "the same term, commit and applied index again",
    { hardState: hardState(2, 1, 3), applied: applied(2) },
  ],
  [
    "a commit of what the same cycle brings",
    { entries: [noopEntry(6, 2)], hardState: hardState(2, 1, 6) },
  ],
  ["an applied index at the commit index", { applied: applied(3) }],
])("%s is taken", (_what, cycle) => {
  expect(plan(cycle).write.state.logId).toBe(1);
});

test("a chain hash that was made before is not made again", () => {
  const entry = noopEntry(6, 2);
  const hash = hashEntry(headAt(5).hash, entry);
  const link = { previousHash: headAt(5).hash, hash };
  expect(plan({ entries: [{ ...entry, link }] }).write.state.head.hash).toBe(hash);
  expect(plan({ entries: [entry] }).write.state.head).toMatchObject({ seq: asSeq(6), hash });
});
