// Goal: each thing that the check of a segment can find is found, by itself and with its place, and a sound segment has none of them.
// Method: a sound segment in memory and one planted fault at a time, behind LMDB and its checksums.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { asSeq, batchSeqRange, ZERO_HASH } from "@annals/record";
import { batchEntry, noopEntry, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { expect, test } from "vitest";
import type { BatchRef, TermRun } from "../../src/segments/segment.ts";
import { checkSegment } from "../../src/check/segmentCheck.ts";
import type { CheckedSegment, SegmentProblem } from "../../src/check/segmentCheck.ts";
import type { Head, SegmentState } from "../../src/segments/segmentState.ts";
import { encodeStoredEntry, hashEntry } from "../../src/segments/storedEntry.ts";

interface Draft {
  entries: Map<number, Uint8Array>;
  batches: BatchRef[];
  terms: TermRun[];
  state: SegmentState;
  /** Where the segment ends: its own head unless it is sealed below it. */
  head: Head;
  unreadable: "producers" | "groups" | "terms" | undefined;
}

const record = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A noop, two batches of two records, and a noop of a later term. */
const ENTRIES: readonly Entry[] = [
  noopEntry(1, 1),
  batchEntry(2, 1, 1, [record("a"), record("b")]),
  batchEntry(3, 1, 3, [record("c"), record("d")]),
  noopEntry(4, 2),
];

const BASE: Head = { index: asIndex(0), term: asTerm(0), hash: ZERO_HASH, seq: asSeq(0) };

function sound(entries: readonly Entry[] = ENTRIES): Draft {
  const values = new Map<number, Uint8Array>();
  const batches: BatchRef[] = [];
  const terms: TermRun[] = [];
  let head = BASE;
  for (const entry of entries) {
    const hash = hashEntry(head.hash, entry);
    values.set(entry.index, encodeStoredEntry(entry, head.hash, hash));
    const isBatch = entry.kind === "records";
    const range = isBatch ? batchSeqRange(entry.data) : undefined;
    if (range !== undefined) batches.push({ firstSeq: range.firstSeq, index: entry.index });
    if (terms.at(-1)?.term !== entry.term) terms.push({ from: entry.index, term: entry.term });
    head = { index: entry.index, term: entry.term, hash, seq: range?.lastSeq ?? head.seq };
  }
  const state: SegmentState = {
    logId: 1,
    base: BASE,
    head,
    hardState: { term: asTerm(2), votedFor: asMemberId(1), commitIndex: asIndex(3) },
    appliedIndex: asIndex(2),
    membership: SAMPLE_MEMBERSHIP,
  };
  return { entries: values, batches, terms, state, head, unreadable: undefined };
}

function segmentOf(draft: Draft): CheckedSegment {
  const unless = (table: Draft["unreadable"]): void => {
    if (draft.unreadable === table) throw new Error(`the ${table} cannot be read`);
  };
  return {
    termRuns: () => {
      unless("terms");
      return draft.terms;
    },
    producers: () => {
      unless("producers");
      return new Map();
    },
    groups: () => {
      unless("groups");
      return new Map();
    },
    entryIndexes: () => [...draft.entries.keys()],
    entryValue: (index: LogIndex) => draft.entries.get(index),
    batchAtOrBefore: (seq: number) => draft.batches.findLast(({ firstSeq }) => firstSeq <= seq),
  };
}

function problemsOf(draft: Draft): readonly string[] {
  const found: SegmentProblem[] = [];
  checkSegment(segmentOf(draft), draft.state, draft.head, (problem) => found.push(problem));
  return found.map(({ index, what }) => `${index ?? "-"} ${what}`);
}

/** The value of an entry that chains to `previous` and is right in itself. */
function forged(entry: Entry, previous: Uint8Array): Uint8Array {
  return encodeStoredEntry(entry, previous, hashEntry(previous, entry));
}

function withHardState(draft: Draft, change: Partial<SegmentState["hardState"]>): void {
  draft.state = { ...draft.state, hardState: { ...draft.state.hardState, ...change } };
}

test("a sound segment has no problems", () => {
  expect(problemsOf(sound())).toEqual([]);
});

const FAULTS: readonly (readonly [string, (draft: Draft) => void, readonly string[]])[] = [
  [
    "a table of terms",
    (draft) => (draft.unreadable = "terms"),
    [
      "- the terms cannot be read",
      "1 the term table says",
      "2 the term table says",
      "3 the term table says",
      "4 the term table says",
    ],
  ],
  ["a table of producers", (draft) => (draft.unreadable = "producers"), ["- the producers cannot"]],
  ["a table of groups", (draft) => (draft.unreadable = "groups"), ["- the groups cannot be read"]],
  [
    "an entry beyond the end",
    (draft) => draft.entries.set(9, new Uint8Array(90)),
    ["9 1 entries lie outside the log"],
  ],
  [
    "an entry before the beginning",
    (draft) => draft.entries.set(0, new Uint8Array(90)),
    ["0 1 entries lie outside the log"],
  ],
  [
    "a batch row beyond the end",
    (draft) => draft.batches.push({ firstSeq: asSeq(9), index: asIndex(9) }),
    ["9 a batch is listed beyond the last entry"],
  ],
  [
    "a commit index beyond the end",
    (draft) => withHardState(draft, { commitIndex: asIndex(5) }),
    ["- commit index 5 > last index 4"],
  ],
  [
    "an applied index beyond what is committed",
    (draft) => (draft.state = { ...draft.state, appliedIndex: asIndex(4) }),
    ["- applied index 4 > commit index 3"],
  ],
  [
    "a term below that of the last entry",
    (draft) => withHardState(draft, { term: asTerm(1) }),
    ["- term 1 < term 2 of the last entry"],
  ],
  ["an entry that is missing", (draft) => draft.entries.delete(1), ["1 the entry is missing"]],
  [
    "an entry of which a bit is wrong",
    (draft) => {
      const value = Uint8Array.from(draft.entries.get(2) ?? []);
      value[value.length - 1] = (value.at(-1) ?? 0) ^ 1;
      draft.entries.set(2, value);
    },
    ["2 entry 2: its checksum does not match"],
  ],
  [
    "an entry of another chain",
    (draft) => draft.entries.set(1, forged(noopEntry(1, 1), new Uint8Array(32).fill(7))),
    [
      "1 the entry does not chain to the one before",
      "2 the entry does not chain to the one before",
    ],
  ],
  [
    "a term row that says another term",
    (draft) => (draft.terms = [{ from: asIndex(1), term: asTerm(1) }]),
    ["4 the term table says another term"],
  ],
  [
    "a batch that the table does not list",
    (draft) => (draft.batches = draft.batches.slice(1)),
    ["2 the batch table does not lead to the entry"],
  ],
  [
    "a batch that the table lists under another seq",
    (draft) => (draft.batches[1] = { firstSeq: asSeq(4), index: asIndex(3) }),
    ["3 the batch table does not lead to the entry"],
  ],
  [
    "a head with another hash",
    (draft) => (draft.head = { ...draft.head, hash: new Uint8Array(32).fill(7) }),
    ["4 the chain ends in another hash than was recorded"],
  ],
  [
    "a head with another seq",
    (draft) => (draft.head = { ...draft.head, seq: asSeq(5) }),
    ["4 the last seq is 4, recorded is 5"],
  ],
  [
    "a head with another term",
    (draft) => (draft.head = { ...draft.head, term: asTerm(3) }),
    ["4 the last term is 2, recorded is 3"],
  ],
];

test.each(FAULTS)("%s is found, and nothing else", (_what, plant, wanted) => {
  const draft = sound();
  plant(draft);
  expect(problemsOf(draft)).toEqual(wanted.map((text) => expect.stringContaining(text)));
});

test("terms that fall are found, with everything else in order", () => {
  const falling = [noopEntry(1, 2), noopEntry(2, 1)];
  expect(
    problemsOf({
      ...sound(falling),
      state: {
        ...sound(falling).state,
        hardState: { term: asTerm(2), votedFor: asMemberId(1), commitIndex: asIndex(1) },
        appliedIndex: asIndex(1),
      },
    }),
  ).toEqual(["2 term falls to 1"]);
});

test("a seq that is skipped is found, with everything else in order", () => {
  const gap = [
    noopEntry(1, 1),
    batchEntry(2, 1, 1, [record("a")]),
    batchEntry(3, 1, 3, [record("b")]),
  ];
  expect(problemsOf(sound(gap))).toEqual(["3 seq 1 is followed by 3"]);
});

test("what lies above the end of a sealed segment does not count", () => {
  const draft = sound();
  const below = sound(ENTRIES.slice(0, 3));
  expect(problemsOf({ ...draft, head: below.head })).toEqual([]);
});
