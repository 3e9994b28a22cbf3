import { asIndex } from "@annals/raft";
import type { LogIndex, Term } from "@annals/raft";
import { equalBytes } from "@annals/record";
import { viewBatch } from "@annals/wire";
import type { Segment, TermRun } from "../segments/segment.ts";
import type { Head, SegmentState } from "../segments/segmentState.ts";
import { decodeStoredEntry } from "../segments/storedEntry.ts";
import type { LinkedEntry } from "../segments/storedEntry.ts";
import { termAt } from "../segments/termRuns.ts";

/** One thing that is wrong in a segment. */
export interface SegmentProblem {
  readonly index: number | undefined;
  readonly what: string;
}

/** With its place, which what comes from the entry itself names already. */
export function describeProblem({ index, what }: SegmentProblem): string {
  return index === undefined || what.startsWith("entry ") ? what : `entry ${index}: ${what}`;
}

export interface SegmentSummary {
  readonly entries: number;
  readonly records: number;
  /** Where the chain really got to, if that is the head; damage on the way leaves it undefined. */
  readonly reached: number;
}

/** What is looked at of a segment. */
export type CheckedSegment = Pick<
  Segment,
  "termRuns" | "producers" | "groups" | "entryIndexes" | "entryValue" | "batchAtOrBefore"
>;

/** A segment with more damage than this is not worth listing further. */
const PROBLEMS_MAX = 50;

/**
 * Checks a whole segment: every entry by itself and in its chain, terms, batches, seqs without gap, every table against the entries.
 * `head` is where the segment ends: its own head, or the base of the next one, above which nothing counts.
 */
export function checkSegment(
  segment: CheckedSegment,
  state: SegmentState,
  head: Head,
  onProblem: (problem: SegmentProblem) => void,
): SegmentSummary {
  const check = new SegmentCheck(segment, state, head, onProblem);
  return check.run();
}

class SegmentCheck {
  readonly #segment: CheckedSegment;
  readonly #state: SegmentState;
  readonly #head: Head;
  readonly #onProblem: (problem: SegmentProblem) => void;
  #problems = 0;
  #terms: readonly TermRun[] = [];
  #hash: Uint8Array | undefined;
  #term: Term;
  /** Undefined behind an entry that cannot be read. */
  #seq: number | undefined;
  #records = 0;

  constructor(
    segment: CheckedSegment,
    state: SegmentState,
    head: Head,
    onProblem: (problem: SegmentProblem) => void,
  ) {
    this.#segment = segment;
    this.#state = state;
    this.#head = head;
    this.#onProblem = onProblem;
    this.#hash = state.base.hash;
    this.#term = state.base.term;
    this.#seq = state.base.seq;
  }

  run(): SegmentSummary {
    this.#tables();
    this.#hardState();
    let entries = 0;
    let index: number = this.#state.base.index + 1;
    for (; index <= this.#head.index && this.#problems < PROBLEMS_MAX; index++) {
      if (this.#entry(asIndex(index))) entries += 1;
    }
    if (index > this.#head.index) this.#end();
    return { entries, records: this.#records, reached: index - 1 };
  }

  #report(what: string, index?: number): void {
    this.#problems += 1;
    this.#onProblem({ index, what });
  }

  #attempt(work: () => void, index?: number): void {
    try {
      work();
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error), index);
    }
  }

  /** Tables beside the entries: readable, and without keys that belong to no entry. */
  #tables(): void {
    this.#attempt(() => {
      this.#terms = this.#segment.termRuns();
    });
    this.#attempt(() => void this.#segment.producers());
    this.#attempt(() => void this.#segment.groups());
    const sealed = this.#head.index < this.#state.head.index;
    const keys = this.#segment.entryIndexes();
    const beyond = keys.filter(
      (key) => key <= this.#state.base.index || key > this.#state.head.index,
    );
    if (beyond.length > 0) this.#report(`${beyond.length} entries lie outside the log`, beyond[0]);
    this.#attempt(() => {
      const last = this.#segment.batchAtOrBefore(Number.MAX_SAFE_INTEGER);
      if (last !== undefined && !sealed && last.index > this.#head.index)
        this.#report("a batch is listed beyond the last entry", last.index);
    });
  }

  #hardState(): void {
    const { hardState, appliedIndex, head } = this.#state;
    if (hardState.commitIndex > head.index)
      this.#report(`commit index ${hardState.commitIndex} > last index ${head.index}`);
    if (appliedIndex > hardState.commitIndex)
      this.#report(`applied index ${appliedIndex} > commit index ${hardState.commitIndex}`);
    if (hardState.term < head.term)
      this.#report(`term ${hardState.term} < term ${head.term} of the last entry`);
  }

  /** False when the entry cannot be used; the chain then starts anew behind it. */
  #entry(index: LogIndex): boolean {
    const value = this.#segment.entryValue(index);
    let linked: LinkedEntry | undefined;
    if (value === undefined) this.#report("the entry is missing", index);
    else this.#attempt(() => (linked = decodeStoredEntry(index, value)), index);
    const expected = this.#hash;
    this.#hash = linked?.hash;
    if (linked === undefined) {
      this.#seq = undefined;
      return false;
    }
    if (expected !== undefined && !equalBytes(expected, linked.previousHash))
      this.#report("the entry does not chain to the one before it", index);
    const { entry } = linked;
    if (entry.term < this.#term) this.#report(`term falls to ${entry.term}`, index);
    if (termAt(this.#terms, index) !== entry.term)
      this.#report("the term table says another term", index);
    this.#term = entry.term;
    if (entry.kind === "records") this.#attempt(() => this.#batch(index, entry.data), index);
    return true;
  }

  #batch(index: LogIndex, data: Uint8Array): void {
    const view = viewBatch(data);
    if (this.#seq !== undefined && view.firstSeq !== this.#seq + 1)
      this.#report(`seq ${this.#seq} is followed by ${view.firstSeq}`, index);
    this.#seq = view.lastSeq;
    this.#records += view.header.count;
    const listed = this.#segment.batchAtOrBefore(view.lastSeq);
    if (listed?.index !== index || listed.firstSeq !== view.firstSeq)
      this.#report("the batch table does not lead to the entry", index);
  }

  #end(): void {
    const { index, hash, seq, term } = this.#head;
    if (this.#hash !== undefined && !equalBytes(this.#hash, hash))
      this.#report("the chain ends in another hash than was recorded", index);
    if (this.#hash === undefined) return;
    if (this.#seq !== undefined && this.#seq !== seq)
      this.#report(`the last seq is ${this.#seq}, recorded is ${seq}`, index);
    if (this.#term !== term)
      this.#report(`the last term is ${this.#term}, recorded is ${term}`, index);
  }
}
