import { asIndex } from "@annals/raft";
import { asSeq, batchSeqRange } from "@annals/record";
import { newRuns } from "./cyclePlan.ts";
import type { BatchRef, EntryRow, SegmentWrite } from "./segment.ts";
import type { OpenSegment } from "./sealedSegments.ts";
import type { Head } from "./segmentState.ts";
import { entryDamaged } from "../storageError.ts";
import { decodeStoredEntry } from "./storedEntry.ts";
import type { LinkedEntry } from "./storedEntry.ts";

/**
 * The first transaction of the segment that follows `active`: it begins behind the committed entries, takes the short uncommitted
 * tail along and all derived state. Nothing before `base` can be truncated any more, so the old segment is never touched
 * again. Undefined when the tail is longer than `maxTailBytes`: then the roll waits until more is committed.
 */
export function firstWriteAfter(
  active: OpenSegment,
  base: Head,
  maxTailBytes: number,
): SegmentWrite | undefined {
  const { segment, state } = active;
  const entries: EntryRow[] = [];
  const linked: LinkedEntry[] = [];
  const batches: BatchRef[] = [];
  let tailBytes = 0;
  for (let index = base.index + 1; index <= state.head.index; index++) {
    const value = segment.entryValue(index);
    if (value === undefined) throw entryDamaged(index, "it is missing");
    tailBytes += value.length;
    if (tailBytes > maxTailBytes) return undefined;
    const one = decodeStoredEntry(asIndex(index), value);
    if (one.entry.kind === "records")
      batches.push({ firstSeq: batchSeqRange(one.entry.data).firstSeq, index: one.entry.index });
    entries.push({ index: one.entry.index, value });
    linked.push(one);
  }
  return {
    removeEntries: { from: 1, to: 0 },
    removeTerms: [],
    removeBatches: [],
    entries,
    terms: newRuns(
      [],
      base,
      linked.map((one) => one.entry),
    ),
    batches,
    producers: segment.producers(),
    groups: segment.groups(),
    state: { ...state, base },
  };
}

/** A segment's first transaction in an empty log. */
export function birthWrite(state: SegmentWrite["state"]): SegmentWrite {
  return {
    removeEntries: { from: 1, to: 0 },
    removeTerms: [],
    removeBatches: [],
    entries: [],
    terms: [],
    batches: [],
    producers: new Map(),
    groups: new Map(),
    state,
  };
}

/** Where a log begins. */
export function origin(hash: Uint8Array, term: Head["term"]): Head {
  return { index: asIndex(0), term, hash, seq: asSeq(0) };
}
