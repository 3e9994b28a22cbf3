// Goal: the log under its unstable tail. Method: a small log in storage, entries on top of it, then what it says of itself; the terms in
// memory against a plain array.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asIndex, asTerm, type Entry } from "../src/types.ts";
import { NO_MEMBERS } from "../src/membership.ts";
import { type Trace } from "../src/trace.ts";
import { findConflictByTerm } from "../src/conflict.ts";
import { RaftLog } from "../src/raftLog.ts";
import { RecentEntries } from "../src/recentEntries.ts";
import { TermRuns } from "../src/termRuns.ts";
import { TraceBuffer } from "../src/traceBuffer.ts";
import { entriesOf, entry } from "./support/member.ts";
import { MemoryLog } from "./support/memoryLog.ts";

const SNAPSHOT = {
  lastIncludedIndex: asIndex(9),
  lastIncludedTerm: asTerm(4),
  membership: NO_MEMBERS,
  data: new Uint8Array(0),
};

function logOf(stored: readonly Entry[], tail: readonly Entry[] = [], applyBytes = 1_000_000) {
  const storage = new MemoryLog();
  storage.append(stored);
  const traces = new TraceBuffer();
  const log = new RaftLog(storage, traces, applyBytes);
  log.append(tail);
  return {
    log,
    storage,
    kinds: (): readonly Trace["kind"][] => traces.drain().map(({ kind }) => kind),
  };
}

const id = (term: number, index: number) => ({ term: asTerm(term), index: asIndex(index) });
const indexes = (entries: readonly Entry[] | "compacted"): unknown =>
  entries === "compacted" ? entries : entries.map(({ index }) => index);

describe("terms in memory", () => {
  test("a run that begins where the log is cut is gone and takes no other's place", () => {
    const runs = new TermRuns(2);
    runs.reset(asIndex(0), asTerm(0));
    runs.append(asIndex(1), asTerm(1));
    runs.append(asIndex(5), asTerm(2));
    runs.truncateFrom(asIndex(5));
    runs.append(asIndex(5), asTerm(3));
    expect([1, 4, 5].map((index) => runs.term(asIndex(index)))).toEqual([1, 1, 3]);
  });
});

// Keeps R4.
describe("appending", () => {
  test.each([
    { name: "beyond the end", first: 4, kept: [1, 1, 2, 3], traces: [] },
    { name: "into the unstable tail", first: 3, kept: [1, 1, 3], traces: ["unstableReplaced"] },
    { name: "into what storage holds", first: 2, kept: [1, 3], traces: ["unstableReplaced"] },
  ])("$name", ({ first, kept, traces }) => {
    const { log, kinds } = logOf(entriesOf(1, 1), [entry(2, 3)]);
    log.append([entry(3, first)]);
    expect(Array.from({ length: log.lastIndex }, (_, i) => log.term(asIndex(i + 1)))).toEqual(kept);
    expect(kinds()).toEqual(traces);
  });

  test("in the middle of the tail takes back what was handed to storage from there on", () => {
    const { log, kinds } = logOf([], entriesOf(1, 1, 1));
    log.unstable.accept();
    log.append([entry(2, 2), entry(2, 3)]);
    expect(log.unstable.handedTo).toBe(2);
    expect(indexes(log.unstable.nextEntries())).toEqual([2, 3]);
    expect(kinds()).toEqual(["unstableTruncated"]);
  });

  // Keeps R10.
  test("never replaces a committed entry", () => {
    const { log } = logOf(entriesOf(1, 1));
    log.commitTo(asIndex(2));
    expect(() => log.append([entry(2, 2)])).toThrow(/commitIndex 2/);
    expect(() => log.maybeAppend(id(1, 1), [entry(2, 2)], asIndex(2))).toThrow(/committed/);
  });

  test.each([
    { prev: id(3, 3), entries: [], commit: 3, result: 3, committed: 3 },
    { prev: id(3, 3), entries: [entry(4, 4)], commit: 4, result: 4, committed: 4 },
    { prev: id(3, 3), entries: [entry(4, 4)], commit: 9, result: 4, committed: 4 },
    { prev: id(1, 1), entries: [entry(2, 2)], commit: 2, result: 2, committed: 2 },
    { prev: id(0, 0), entries: [], commit: 3, result: 0, committed: 1 },
    { prev: id(2, 3), entries: [entry(4, 4)], commit: 3, result: "mismatch", committed: 1 },
    { prev: id(3, 4), entries: [entry(4, 5)], commit: 3, result: "mismatch", committed: 1 },
  ])(
    "after $prev.term/$prev.index gives $result",
    ({ prev, entries, commit, result, committed }) => {
      const { log } = logOf(entriesOf(1, 2, 3));
      log.commitTo(asIndex(1));
      expect(log.maybeAppend(prev, entries, asIndex(commit))).toBe(result);
      expect(log.committed).toBe(committed);
      expect(log.lastIndex).toBe(entries.at(-1)?.index === 4 && result === 4 ? 4 : 3);
    },
  );
});

describe("reading across the end of storage", () => {
  const big = "x".repeat(100);

  test("what storage cut short is not continued behind the gap", () => {
    const { log } = logOf([entry(1, 1, "a"), entry(1, 2, big)], [entry(1, 3, "c")]);
    expect(indexes(log.slice(asIndex(1), asIndex(4), 50, 10))).toEqual([1]);
  });

  test("the caps hold for both parts together", () => {
    const { log } = logOf([entry(1, 1, big)], [entry(1, 2, big), entry(1, 3, big)]);
    const sized = (bytes: number, count: number): unknown =>
      indexes(log.slice(asIndex(1), asIndex(4), bytes, count));
    expect(sized(150, 10)).toEqual([1]);
    expect(sized(250, 10)).toEqual([1, 2]);
    expect(sized(1000, 2)).toEqual([1, 2]);
    expect(sized(1000, 10)).toEqual([1, 2, 3]);
  });
});

describe("stability", () => {
  test("releases what is durable and keeps the rest", () => {
    const { log, storage } = logOf([], entriesOf(1, 1, 2));
    log.unstable.accept();
    storage.append(entriesOf(1, 1));
    log.stableTo(id(1, 2));
    expect([log.unstable.offset, log.unstable.count, log.lastIndex]).toEqual([3, 1, 3]);
    expect(log.term(asIndex(1))).toBe(1);
  });

  test("what was durable before a truncation is still applied from memory", () => {
    const { log, storage } = logOf([], entriesOf(1, 1, 1, 1));
    log.unstable.accept();
    storage.append(entriesOf(1, 1, 1, 1));
    log.stableTo(id(1, 4));
    const successor = [entry(2, 3), entry(2, 4)];
    log.append(successor);
    log.unstable.accept();
    storage.append(successor);
    log.stableTo(id(2, 4));
    log.commitTo(asIndex(4));
    let reads = 0;
    Object.assign(storage, { entries: () => ++reads });
    expect(log.nextCommitted(false).map(({ term, index }) => [term, index])).toEqual([
      [1, 1],
      [1, 2],
      [2, 3],
      [2, 4],
    ]);
    expect(reads).toBe(0);
  });

  // Keeps R14.
  test.each([
    { what: "an entry that was replaced", done: id(1, 3), trace: "stableMismatch" },
    { what: "an entry that is no longer here", done: id(2, 9), trace: "stableMissing" },
    { what: "an entry that is known to be durable", done: id(1, 1), trace: "stableMissing" },
  ])("is not claimed for $what", ({ done, trace }) => {
    const { log, kinds } = logOf(entriesOf(1, 1), [entry(2, 3)]);
    log.stableTo(done);
    expect(log.unstable.count).toBe(1);
    expect(kinds()).toEqual([trace]);
  });

  // Keeps R16.
  test("a snapshot replaces everything, and its completion is not that of an entry", () => {
    const { log, kinds } = logOf(entriesOf(1, 1), [entry(2, 3)]);
    log.restore(SNAPSHOT);
    expect([log.firstIndex, log.lastIndex, log.committed, log.lastTerm()]).toEqual([10, 9, 9, 4]);
    expect(log.term(asIndex(3))).toBeUndefined();
    log.stableTo(id(4, 9));
    expect(kinds()).toEqual(["restoreStarted", "stableIsSnapshot"]);
    expect(log.unstable.snapshot).toBe(SNAPSHOT);
    log.unstable.snapshotStableTo(asIndex(9));
    expect(log.unstable.snapshot).toBeUndefined();
  });
});

describe("reading", () => {
  // Keeps R33.
  test.each([
    { from: 1, bytes: 1_000, count: 99, read: [1, 2, 3, 4] },
    { from: 3, bytes: 1_000, count: 99, read: [3, 4] },
    { from: 1, bytes: 0, count: 99, read: [1] },
    { from: 1, bytes: 34, count: 99, read: [1, 2] },
    { from: 1, bytes: 51, count: 99, read: [1, 2, 3] },
    { from: 1, bytes: 1_000, count: 3, read: [1, 2, 3] },
    { from: 2, bytes: 1_000, count: 1, read: [2] },
    { from: 5, bytes: 1_000, count: 99, read: [] },
  ])("from $from within $bytes bytes and $count entries", ({ from, bytes, count, read }) => {
    const { log } = logOf(
      [entry(1, 1, "a"), entry(1, 2, "b")],
      [entry(1, 3, "c"), entry(1, 4, "d")],
    );
    expect(indexes(log.entriesFrom(asIndex(from), bytes, count))).toEqual(read);
  });

  test("says so when entries are compacted, and still knows the term before the first", () => {
    const { log, storage } = logOf(entriesOf(1, 1, 2));
    storage.compact(2);
    expect(log.entriesFrom(asIndex(2), 100, 100)).toBe("compacted");
    expect([log.term(asIndex(1)), log.term(asIndex(2)), log.term(asIndex(3))]).toEqual([
      undefined,
      1,
      2,
    ]);
  });

  test.each([
    { index: 5, term: 5, found: [5, 5] },
    { index: 5, term: 4, found: [4, 2] },
    { index: 5, term: 2, found: [4, 2] },
    { index: 5, term: 1, found: [2, 1] },
    { index: 9, term: 5, found: [9, 0] },
    { index: 5, term: 0, found: [0, 0] },
  ])("the place to agree at or below $index with term $term", ({ index, term, found }) => {
    const { log } = logOf(entriesOf(1, 1, 2, 2, 5));
    const guess = findConflictByTerm(log, asIndex(index), asTerm(term));
    expect([guess.index, guess.term]).toEqual(found);
  });
});

describe("applying", () => {
  // Keeps R13.
  test("hands out what is committed and durable here, once", () => {
    const { log, storage } = logOf(entriesOf(1, 1), [entry(1, 3)]);
    log.commitTo(asIndex(3));
    expect(indexes(log.nextCommitted(false))).toEqual([1, 2]);
    expect(indexes(log.nextCommitted(true))).toEqual([1, 2, 3]);
    log.acceptApplying(log.nextCommitted(false), false);
    expect(log.hasNextCommitted(false)).toBe(false);
    storage.append([entry(1, 3)]);
    log.stableTo(id(1, 3));
    expect(indexes(log.nextCommitted(false))).toEqual([3]);
  });

  // Keeps R36.
  test("stops at the cap until something is applied", () => {
    const { log } = logOf([entry(1, 1, "aaaa"), entry(1, 2, "bbbb"), entry(1, 3, "cccc")], [], 45);
    log.commitTo(asIndex(3));
    const batch = log.nextCommitted(false);
    expect(indexes(batch)).toEqual([1, 2]);
    log.acceptApplying(batch, false);
    expect(log.hasNextCommitted(false)).toBe(false);
    expect(log.appliedTo(asIndex(1))).toBe(0);
    expect(log.appliedTo(asIndex(2))).toBe(8);
    expect(indexes(log.nextCommitted(false))).toEqual([3]);
  });

  test("waits for a snapshot that is being installed", () => {
    const { log } = logOf(entriesOf(1, 1));
    log.commitTo(asIndex(2));
    log.restore(SNAPSHOT);
    expect(log.hasNextCommitted(false)).toBe(false);
  });

  // Keeps R12.
  test("never goes back nor beyond the commit index", () => {
    const { log } = logOf(entriesOf(1, 1));
    log.commitTo(asIndex(1));
    expect(() => log.appliedTo(asIndex(2))).toThrow(/applied 2/);
    log.appliedTo(asIndex(1));
    expect(() => log.appliedTo(asIndex(0))).toThrow(/applied 0/);
    expect(() => log.commitTo(asIndex(3))).toThrow(/beyond the last index 2/);
  });
});

test("terms in memory are those of the log, under any appending and truncating", () => {
  const append = fc.record({
    back: fc.nat(4),
    terms: fc.array(fc.nat(1), { minLength: 1, maxLength: 5 }),
  });
  fc.assert(
    fc.property(
      fc.array(append, { maxLength: 20 }),
      fc.integer({ min: 1, max: 4 }),
      (appends, cap) => {
        const runs = new TermRuns(cap);
        runs.reset(asIndex(0), asTerm(0));
        const plain: number[] = [0];
        for (const { back, terms } of appends) {
          const first = Math.max(1, plain.length - back);
          if (first < plain.length) runs.truncateFrom(asIndex(first));
          plain.length = first;
          for (const rise of terms) {
            const term = (plain.at(-1) ?? 0) + rise;
            runs.append(asIndex(plain.length), asTerm(term));
            plain.push(term);
          }
        }
        for (const [index, term] of plain.entries()) {
          const known = runs.term(asIndex(index));
          expect(known === undefined || known === term).toBe(true);
        }
        expect(runs.term(asIndex(plain.length - 1))).toBe(plain.at(-1));
      },
    ),
  );
});

// Keeps R37.
describe("recent entries", () => {
  test("spare storage the read of what was just written", () => {
    const { log, storage } = logOf([], entriesOf(1, 1, 1));
    log.unstable.accept();
    storage.append(entriesOf(1, 1, 1));
    log.stableTo(id(1, 3));
    log.commitTo(asIndex(3));
    expect(indexes(log.nextCommitted(false))).toEqual([1, 2, 3]);
    expect(storage.reads).toBe(0);
    log.acceptApplying(log.nextCommitted(false), false);
    expect(indexes(log.entriesFrom(asIndex(1), 1_000, 99))).toEqual([1, 2, 3]);
    expect(storage.reads).toBe(1);
  });

  test("are what the log holds, under any use, and within their bound", () => {
    const use = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 5 }), gap: fc.nat(1) }),
      fc.record({ drop: fc.nat(30) }),
      fc.record({ truncate: fc.integer({ min: 1, max: 30 }) }),
    );
    fc.assert(
      fc.property(fc.array(use, { maxLength: 30 }), (uses) => {
        const recent = new RecentEntries(100);
        let end = 1;
        let round = 0;
        const plain = new Map<number, Entry>();
        for (const one of uses) {
          round += 1;
          if ("push" in one) {
            const first = end + one.gap;
            const fresh = Array.from({ length: one.push }, (_, i) => entry(round, first + i));
            recent.push(fresh);
            for (const added of fresh) plain.set(added.index, added);
            end = first + one.push;
          } else if ("drop" in one) {
            recent.dropUpTo(asIndex(one.drop));
          } else {
            recent.truncateFrom(asIndex(one.truncate));
            end = Math.min(end, one.truncate);
          }
          expect(recent.bytes).toBeLessThanOrEqual(100);
          for (let index = 1; index < end; index += 1) {
            const found = recent.slice(asIndex(index), asIndex(index + 1));
            expect(found === undefined || found[0] === plain.get(index)).toBe(true);
          }
          expect(recent.slice(asIndex(end), asIndex(end + 1))).toBeUndefined();
        }
      }),
    );
  });
});
