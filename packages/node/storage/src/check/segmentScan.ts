import { join } from "node:path";
import { asIndex, asTerm } from "@annals/raft";
import { asSeq } from "@annals/record";
import { Segment } from "../segments/segment.ts";
import { checkSegment } from "./segmentCheck.ts";
import type { SegmentProblem } from "./segmentCheck.ts";
import { segmentName } from "../segments/segmentDirectory.ts";
import type { Head, SegmentState } from "../segments/segmentState.ts";
import { decodeStoredEntry } from "../segments/storedEntry.ts";
import type { LinkedEntry } from "../segments/storedEntry.ts";

/** A `Head` on its way through JSON. */
export interface HeadJson {
  readonly index: number;
  readonly term: number;
  readonly hash: string;
  readonly seq: number;
}

/** What a check of one segment tells beside its problems. */
export interface SegmentScan {
  readonly logId: number;
  readonly base: HeadJson;
  readonly head: HeadJson;
  readonly term: number;
  readonly votedFor: number;
  readonly commitIndex: number;
  readonly entries: number;
  readonly records: number;
  /** Hash of the wanted entry, if it is in here. */
  readonly wantedHash: string | undefined;
}

export function toJson(head: Head): HeadJson {
  return { ...head, hash: Buffer.from(head.hash).toString("hex") };
}

function fromJson(json: HeadJson): Head {
  return {
    index: asIndex(json.index),
    term: asTerm(json.term),
    hash: Buffer.from(json.hash, "hex"),
    seq: asSeq(json.seq),
  };
}

/**
 * Opens one segment and checks it whole. `seal` says where it ends if a newer one follows. Opening may end this process by a signal.
 * Rejects when the segment cannot be read at all. `onState` gets its state as soon as it is read: what comes next may be the end.
 */
export async function scanSegment(
  directory: string,
  first: number,
  seal: HeadJson | undefined,
  wanted: number,
  onProblem: (problem: SegmentProblem) => void,
  onState?: (state: SegmentState) => void,
): Promise<SegmentScan> {
  const segment = Segment.open(join(directory, segmentName(first)), "readOnly", 0);
  try {
    const state = segment.stateFrom(first);
    onState?.(state);
    const head = seal === undefined ? state.head : fromJson(seal);
    const summary = checkSegment(segment, state, head, onProblem);
    return {
      logId: state.logId,
      base: toJson(state.base),
      head: toJson(state.head),
      term: state.hardState.term,
      votedFor: state.hardState.votedFor,
      commitIndex: state.hardState.commitIndex,
      entries: summary.entries,
      records: summary.records,
      wantedHash: hashOf(segment, wanted),
    };
  } finally {
    await segment.close();
  }
}

/** Undefined as well when the entry is damaged, which the check has reported. */
function hashOf(segment: Segment, index: number): string | undefined {
  const linked = intactEntry(segment, index);
  return linked === undefined ? undefined : Buffer.from(linked.hash).toString("hex");
}

/** The entry if it can be read and is what its own checksum says; whether it belongs into this chain is another question. */
export function intactEntry(segment: Segment, index: number): LinkedEntry | undefined {
  try {
    const value = segment.entryValue(index);
    return value === undefined ? undefined : decodeStoredEntry(asIndex(index), value);
  } catch {
    // Damage, of whatever kind: LMDB says so in its own words, too.
    return undefined;
  }
}
