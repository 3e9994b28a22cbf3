import type { Entry, HardState, LogIndex } from "@annals/raft";
import { asSeq, batchSeqRange, equalBytes } from "@annals/record";
import type { Seq } from "@annals/record";
import type { AppliedUpdate, WriteCycle } from "@annals/replica";
import type { BatchRef, SegmentWrite, TermRun } from "./segment.ts";
import type { Head, SegmentState } from "./segmentState.ts";
import { encodeStoredEntry, hashEntry } from "./storedEntry.ts";
import { StorageError } from "../storageError.ts";

/** What a plan needs to know of the active segment. */
export interface PlanContext {
  readonly state: SegmentState;
  readonly terms: readonly TermRun[];
  /** The head as it was after `index`, which is stored in the active segment or is its base. */
  headAt(index: LogIndex): Head;
  /** Batches of the active segment that begin at an index ≥ `index`. */
  batchesFromIndex(index: LogIndex): readonly BatchRef[];
}

export interface CyclePlan {
  readonly write: SegmentWrite;
  readonly terms: readonly TermRun[];
  /** Entries from here on are dropped; undefined when nothing is. */
  readonly truncateFrom: LogIndex | undefined;
  /** Payload bytes that the cycle adds. */
  readonly dataBytes: number;
}

function misuse(what: string): StorageError {
  return new StorageError("ERR_STORAGE_MISUSE", what);
}

/** Turns a cycle into one transaction, or throws `ERR_STORAGE_MISUSE` or `ERR_BATCH_…` while nothing is written. Pure. */
export function planCycle(context: PlanContext, cycle: WriteCycle): CyclePlan {
  const { state } = context;
  const first = cycle.entries[0];
  const truncates = first !== undefined && first.index <= state.head.index;
  const truncateFrom = truncates ? first.index : undefined;
  if (first !== undefined && first.index > state.head.index + 1)
    throw misuse(`entry ${first.index} would leave a gap after ${state.head.index}`);
  if (truncateFrom !== undefined && truncateFrom <= state.hardState.commitIndex)
    throw misuse(`truncating from ${truncateFrom} at commit index ${state.hardState.commitIndex}`);
  const start = first === undefined ? state.head : context.headAt(previousIndex(first.index));
  const added = planEntries(start, cycle.entries);
  const hardState = nextHardState(state, cycle.hardState, added.head);
  const appliedIndex = nextApplied(state, cycle.applied, hardState);
  const keptTerms = context.terms.filter(
    (run) => truncateFrom === undefined || run.from < truncateFrom,
  );
  const newTerms = newRuns(keptTerms, state.base, cycle.entries);
  return {
    write: {
      removeEntries: { from: added.head.index + 1, to: truncates ? state.head.index : 0 },
      removeTerms: context.terms.slice(keptTerms.length).map((run) => run.from),
      removeBatches:
        truncateFrom === undefined
          ? []
          : context.batchesFromIndex(truncateFrom).map((batch) => batch.firstSeq),
      entries: added.values,
      terms: newTerms,
      batches: added.batches,
      producers: cycle.applied?.producers ?? new Map(),
      groups: cycle.applied?.groups ?? new Map(),
      state: {
        logId: state.logId,
        base: state.base,
        head: added.head,
        hardState,
        appliedIndex,
        membership: cycle.applied?.membership ?? state.membership,
      },
    },
    terms: [...keptTerms, ...newTerms],
    truncateFrom,
    dataBytes: added.bytes,
  };
}

function previousIndex(index: LogIndex): LogIndex {
  // A log index is ≥ 1 here, so this stays a safe integer ≥ 0.
  return (index - 1) as LogIndex;
}

interface PlannedEntries {
  readonly values: { readonly index: LogIndex; readonly value: Uint8Array }[];
  readonly batches: BatchRef[];
  readonly head: Head;
  readonly bytes: number;
}

function planEntries(start: Head, entries: readonly Entry[]): PlannedEntries {
  const values: { readonly index: LogIndex; readonly value: Uint8Array }[] = [];
  const batches: BatchRef[] = [];
  let head = start;
  let bytes = 0;
  for (const entry of entries) {
    if (entry.index !== head.index + 1)
      throw misuse(`entry ${entry.index} does not follow ${head.index}`);
    if (entry.term < head.term)
      throw misuse(`entry ${entry.index} falls back to term ${entry.term}`);
    const hash = linkedHash(head, entry);
    values.push({ index: entry.index, value: encodeStoredEntry(entry, head.hash, hash) });
    let seq: Seq = head.seq;
    if (entry.kind === "records") {
      const range = batchSeqRange(entry.data);
      if (range.firstSeq !== head.seq + 1)
        throw misuse(
          `batch of seq ${range.firstSeq} in entry ${entry.index} does not follow ${head.seq}`,
        );
      batches.push({ firstSeq: range.firstSeq, index: entry.index });
      seq = asSeq(range.lastSeq);
    }
    head = { index: entry.index, term: entry.term, hash, seq };
    bytes += entry.data.length;
  }
  return { values, batches, head, bytes };
}

/** Whoever took the entry into the log has hashed it already, if it says so: behind the entry that it is written behind. */
function linkedHash(head: Head, entry: Entry): Uint8Array {
  const { link } = entry;
  if (link === undefined) return hashEntry(head.hash, entry);
  if (!equalBytes(link.previousHash, head.hash))
    throw misuse(`entry ${entry.index} does not chain to entry ${head.index}`);
  return link.hash;
}

function nextHardState(state: SegmentState, next: HardState | undefined, head: Head): HardState {
  const hardState = next ?? state.hardState;
  const old = state.hardState;
  if (hardState.term < old.term) throw misuse(`term falls from ${old.term} to ${hardState.term}`);
  if (hardState.commitIndex < old.commitIndex)
    throw misuse(`commit index falls from ${old.commitIndex} to ${hardState.commitIndex}`);
  if (hardState.commitIndex > head.index)
    throw misuse(`commit index ${hardState.commitIndex} > last index ${head.index}`);
  return hardState;
}

function nextApplied(
  state: SegmentState,
  applied: AppliedUpdate | undefined,
  hardState: HardState,
): LogIndex {
  const index = applied?.appliedIndex ?? state.appliedIndex;
  if (index < state.appliedIndex)
    throw misuse(`applied index falls from ${state.appliedIndex} to ${index}`);
  if (index > hardState.commitIndex)
    throw misuse(`applied index ${index} > commit index ${hardState.commitIndex}`);
  return index;
}

/** The runs that `entries` begin after the kept ones; the first entry of a segment always begins one. */
export function newRuns(
  kept: readonly TermRun[],
  base: Head,
  entries: readonly Entry[],
): TermRun[] {
  const runs: TermRun[] = [];
  let term = kept.at(-1)?.term ?? base.term;
  let empty = kept.length === 0;
  for (const entry of entries) {
    if (entry.term !== term || empty) runs.push({ from: entry.index, term: entry.term });
    term = entry.term;
    empty = false;
  }
  return runs;
}
