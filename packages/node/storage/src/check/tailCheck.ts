import { statSync } from "node:fs";
import { join } from "node:path";
import { asIndex } from "@annals/raft";
import { equalBytes } from "@annals/record";
import { dataFile, Segment } from "../segments/segment.ts";
import { describeProblem } from "./segmentCheck.ts";
import { segmentName } from "../segments/segmentDirectory.ts";
import { scanSegment } from "./segmentScan.ts";
import type { SegmentScan } from "./segmentScan.ts";
import type { SegmentState } from "../segments/segmentState.ts";
import { entryDamaged, logDamaged, REPLACE_ADVICE, StorageError } from "../storageError.ts";
import { decodeStoredEntry } from "../segments/storedEntry.ts";

interface TailLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

const TAIL_LIMITS: TailLimits = { maxEntries: 1024, maxBytes: 64 * 1024 * 1024 };

/** Walks from the head towards the base: each entry must be there, be what was written, and chain. Throws a `StorageError`. */
function checkTail(segment: Segment, state: SegmentState, limits: TailLimits): void {
  let expected = state.head.hash;
  let entries = 0;
  let bytes = 0;
  let index: number = state.head.index;
  for (; index > state.base.index; index--) {
    if (entries === limits.maxEntries || bytes > limits.maxBytes) return;
    const value = segment.entryValue(index);
    if (value === undefined) throw entryDamaged(index, "it is missing");
    const linked = decodeStoredEntry(asIndex(index), value);
    if (!equalBytes(linked.hash, expected))
      throw entryDamaged(index, "it does not chain to what follows it");
    expected = linked.previousHash;
    entries += 1;
    bytes += value.length;
  }
  if (!equalBytes(expected, state.base.hash))
    throw entryDamaged(index + 1, "it does not chain to the segment before");
}

/** A log that is not larger is read whole before it is served. */
const WHOLE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The check before a log is served. Of a small log everything; of a large one the tail of the active segment, and of each sealed one its
 * state and the entry at the seal. Opening is part of the check: it may end this process. `onSegment` tells what is being opened.
 */
export async function checkBeforeServing(
  directory: string,
  firsts: readonly number[],
  onSegment: (name: string) => void,
): Promise<void> {
  const bytes = firsts.map((first) => statSync(dataFile(join(directory, segmentName(first)))).size);
  const whole = bytes.reduce((sum, size) => sum + size, 0) <= WHOLE_BYTES_MAX;
  await (whole ? checkWhole : checkTails)(directory, firsts, onSegment);
}

async function checkWhole(
  directory: string,
  firsts: readonly number[],
  onSegment: (name: string) => void,
): Promise<void> {
  let next: SegmentScan | undefined;
  for (const first of firsts.toReversed()) {
    onSegment(segmentName(first));
    next = await scanSegment(directory, first, next?.base, 0, (problem) => {
      const what = describeProblem(problem);
      if (problem.index === undefined)
        throw logDamaged(join(directory, segmentName(first)), what, REPLACE_ADVICE);
      throw new StorageError("ERR_ENTRY_DAMAGED", what, { details: { index: problem.index } });
    });
  }
}

async function checkTails(
  directory: string,
  firsts: readonly number[],
  onSegment: (name: string) => void,
): Promise<void> {
  let next: SegmentState | undefined;
  for (const first of firsts.toReversed()) {
    const name = segmentName(first);
    onSegment(name);
    const segment = Segment.open(join(directory, name), "readOnly", 0);
    try {
      const state = segment.stateFrom(first);
      if (next === undefined) {
        checkTail(segment, state, TAIL_LIMITS);
        segment.producers();
        segment.groups();
        segment.termRuns();
      } else checkTail(segment, { ...state, head: next.base }, { ...TAIL_LIMITS, maxEntries: 1 });
      next = state;
    } finally {
      await segment.close();
    }
  }
}
