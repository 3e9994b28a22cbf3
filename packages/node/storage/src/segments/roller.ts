import { join } from "node:path";
import type { LogIndex } from "@annals/raft";
import { refusalOr } from "../disk/diskRefusal.ts";
import { firstWriteAfter } from "./roll.ts";
import type { OpenSegment } from "./sealedSegments.ts";
import { Segment } from "./segment.ts";
import type { SegmentWrite } from "./segment.ts";
import { createSegment, segmentName, syncDirectory } from "./segmentDirectory.ts";
import type { CreateStep } from "./segmentDirectory.ts";
import type { Head } from "./segmentState.ts";

export interface RollerOptions {
  readonly directory: string;
  /** A segment is sealed when its file has reached this many bytes. */
  readonly segmentBytes: number;
  /** Address space of one segment. */
  readonly mapBytes: number;
  /** Tests stop a roll at each of its steps. */
  readonly onStep?: ((step: CreateStep) => Promise<void>) | undefined;
}

/** Begins the next segment of a log behind the last committed entry, when the active one is full. */
export class Roller {
  readonly #options: RollerOptions;
  /** The commit index at which a roll was put off because the uncommitted tail was too long. */
  #putOffAt: LogIndex | undefined;
  /** The first write of a segment that has its name and could not be opened yet: it is the active one for the next start. */
  #made: SegmentWrite | undefined;

  constructor(options: RollerOptions) {
    this.#options = options;
  }

  /**
   * The segment that follows `active`, or undefined when it is not time yet. Rejects with a refusal when the disk lets none be made; then
   * nothing may be written to `active` before this was called again, since the new one may have its name already.
   */
  async next(
    active: OpenSegment,
    headAt: (index: LogIndex) => Head,
  ): Promise<OpenSegment | undefined> {
    try {
      const write = this.#made ?? this.#due(active, headAt);
      return write === undefined ? undefined : await this.#make(write);
    } catch (error) {
      throw refusalOr(error, this.#options.directory);
    }
  }

  #due(active: OpenSegment, headAt: (index: LogIndex) => Head): SegmentWrite | undefined {
    const { segmentBytes } = this.#options;
    const { segment, state } = active;
    const { commitIndex } = state.hardState;
    if (segment.fileBytes() < segmentBytes) return undefined;
    if (commitIndex === state.base.index || commitIndex === this.#putOffAt) return undefined;
    const write = firstWriteAfter(active, headAt(commitIndex), Math.floor(segmentBytes / 2));
    if (write === undefined) this.#putOffAt = commitIndex;
    return write;
  }

  async #make(write: SegmentWrite): Promise<OpenSegment> {
    const { directory, mapBytes, onStep } = this.#options;
    const first = write.state.base.index + 1;
    if (this.#made === undefined) {
      await createSegment(directory, first, mapBytes, write, async (step) => {
        if (step === "renamed") this.#made = write;
        await onStep?.(step);
      });
    } else await syncDirectory(directory);
    const segment = Segment.open(join(directory, segmentName(first)), "readWrite", mapBytes);
    const terms = segment.termRuns();
    this.#made = undefined;
    return { segment, state: write.state, terms };
  }
}
