import { statSync } from "node:fs";
import { join } from "node:path";
import { OPEN_SEGMENTS_MAX } from "@annals/flow";
import { asIndex } from "@annals/raft";
import type { LogIndex } from "@annals/raft";
import { dataFile, Segment } from "./segment.ts";
import type { TermRun } from "./segment.ts";
import { segmentName } from "./segmentDirectory.ts";
import type { SegmentState } from "./segmentState.ts";

/** A segment with what is known of it by heart. */
export interface OpenSegment {
  readonly segment: Segment;
  readonly state: SegmentState;
  readonly terms: readonly TermRun[];
}

/** The segments before the active one. They are opened when they are read and never written. */
export class SealedSegments {
  readonly #directory: string;
  readonly #mapBytes: number;
  /** First indexes, ascending. */
  readonly #firsts: number[];
  /** By first index, the one used longest ago first. */
  readonly #open = new Map<number, OpenSegment>();

  constructor(directory: string, firsts: readonly number[], mapBytes: number) {
    this.#directory = directory;
    this.#firsts = [...firsts];
    this.#mapBytes = mapBytes;
  }

  /** The first index of the oldest segment; undefined when there is none. */
  get firstIndex(): LogIndex | undefined {
    const first = this.#firsts[0];
    return first === undefined ? undefined : asIndex(first);
  }

  /** Takes over a segment that was active until now. */
  adopt(open: OpenSegment): void {
    const first = open.state.base.index + 1;
    this.#firsts.push(first);
    this.#makePlace();
    this.#open.set(first, open);
  }

  /** The segment that holds `index`; the caller knows that it is at or above `firstIndex` and sealed. */
  holding(index: number): OpenSegment {
    const first = this.#firsts.findLast((candidate) => candidate <= index);
    if (first === undefined) throw new RangeError(`index ${index} is before every sealed segment`);
    return this.#get(first);
  }

  /** The segment that holds `seq`: the last one whose base is before it; undefined when `seq` is before all. */
  holdingSeq(seq: number): OpenSegment | undefined {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const first = this.#firsts[middle];
      if (first !== undefined && this.#get(first).state.base.seq < seq) low = middle + 1;
      else high = middle;
    }
    const found = this.#firsts[low - 1];
    return found === undefined ? undefined : this.#get(found);
  }

  /** The oldest one. */
  oldest(): OpenSegment | undefined {
    const first = this.#firsts[0];
    return first === undefined ? undefined : this.#get(first);
  }

  #get(first: number): OpenSegment {
    const known = this.#open.get(first);
    const open = known ?? this.#openSegment(first);
    this.#open.delete(first);
    this.#open.set(first, open);
    return open;
  }

  #openSegment(first: number): OpenSegment {
    const path = join(this.#directory, segmentName(first));
    const segment = Segment.open(path, "readOnly", this.#mapBytes);
    const state = segment.stateFrom(first);
    if (segment.closable) this.#makePlace();
    return { segment, state, terms: segment.termRuns() };
  }

  /** Closes those that were used longest ago, so that one more may be open. */
  #makePlace(): void {
    for (const [first, { segment }] of this.#open) {
      if (this.#open.size < OPEN_SEGMENTS_MAX) return;
      if (!segment.closable) continue;
      this.#open.delete(first);
      // Nothing is written to it any more, so nothing can fail that would matter.
      segment.close().catch(() => undefined);
    }
  }

  fileBytes(): number {
    const bytesOf = (first: number): number =>
      statSync(dataFile(join(this.#directory, segmentName(first)))).size;
    return this.#firsts.reduce((sum, first) => sum + bytesOf(first), 0);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ segment }) => segment.close()));
    this.#open.clear();
  }
}
