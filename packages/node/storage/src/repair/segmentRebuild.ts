import { rm } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { asIndex, NOBODY } from "@annals/raft";
import { asSeq, batchSeqRange, equalBytes } from "@annals/record";
import type { DiskFloor } from "../disk/diskFloor.ts";
import type { DamagedSegment } from "./diagnosis.ts";
import { salvageEntries } from "./salvage.ts";
import type { Derived } from "./salvage.ts";
import { salvageEntriesInChild } from "../check/scanProcess.ts";
import { Segment } from "../segments/segment.ts";
import type { BatchRef, EntryRow, TermRun } from "../segments/segment.ts";
import { segmentName, swapSegment, temporaryPath } from "../segments/segmentDirectory.ts";
import type { SwapStep } from "../segments/segmentDirectory.ts";
import { intactEntry } from "../check/segmentScan.ts";
import type { Head, SegmentState } from "../segments/segmentState.ts";
import { logDamaged, REPLACE_ADVICE } from "../storageError.ts";
import type { LinkedEntry } from "../segments/storedEntry.ts";

/** What a row of a table beside the entries takes, on average and then some. */
const ROW_BYTES = 128;

/** Entries that are walked before other work gets its turn. */
const WALK_ENTRIES = 256;

/** What the entries of a segment say of themselves, from its base to its end. */
export interface Walked {
  readonly base: Head;
  readonly head: Head;
  readonly terms: readonly TermRun[];
  readonly batches: readonly BatchRef[];
}

/**
 * A new segment that grows beside a damaged one: first of what is intact in there, then of what peers send. The tables are made anew from
 * the entries. It takes the place of the damaged one only when its chain leads from its base to its end.
 */
export class SegmentRebuild {
  readonly damaged: DamagedSegment;
  readonly #directory: string;
  readonly #path: string;
  readonly #segment: Segment;
  readonly #floor: DiskFloor;
  #closed = false;

  private constructor(
    directory: string,
    damaged: DamagedSegment,
    path: string,
    segment: Segment,
    floor: DiskFloor,
  ) {
    this.#directory = directory;
    this.damaged = damaged;
    this.#floor = floor;
    this.#path = path;
    this.#segment = segment;
  }

  /** Salvages what is intact. Rejects with ERR_DISK_FULL. */
  static async begin(
    directory: string,
    damaged: DamagedSegment,
    mapBytes: number,
    floor: DiskFloor,
    isolate: boolean,
  ): Promise<SegmentRebuild> {
    const { first, last } = damaged;
    const path = temporaryPath(directory, segmentName(first));
    await rm(path, { recursive: true, force: true });
    const empty = await Segment.create(path, mapBytes);
    await empty.close();
    const salvage = isolate ? salvageEntriesInChild : salvageEntries;
    await salvage(directory, first, last, path, floor);
    const segment = Segment.open(path, "readWrite", mapBytes);
    return new SegmentRebuild(directory, damaged, path, segment, floor);
  }

  /** An entry that is sound by itself. */
  entry(index: number): LinkedEntry | undefined {
    return intactEntry(this.#segment, index);
  }

  /** Rejects with ERR_DISK_FULL. */
  async put(entries: readonly EntryRow[]): Promise<void> {
    this.#floor.take(entries.reduce((sum, { value }) => sum + value.length, 0));
    await this.#segment.putEntries(entries);
  }

  /** Follows the chain from `base` to the end. Rejects with ERR_LOG_DAMAGED when it does not lead there. */
  async walk(base: Head): Promise<Walked> {
    const { last, state } = this.damaged;
    const broken = (index: number): Error =>
      logDamaged(this.#path, `rebuilt entry ${index} does not chain`, REPLACE_ADVICE);
    if (state !== undefined && !equalBytes(state.base.hash, base.hash)) throw broken(base.index);
    let head = base;
    const terms: TermRun[] = [];
    const batches: BatchRef[] = [];
    for (let index = base.index + 1; index <= last; index++) {
      const linked = this.entry(index);
      if (linked === undefined || !equalBytes(linked.previousHash, head.hash)) throw broken(index);
      const { entry } = linked;
      const fresh = terms.at(-1)?.term !== entry.term;
      if (fresh) terms.push({ from: entry.index, term: entry.term });
      let seq: number = head.seq;
      if (entry.kind === "records") {
        const range = batchSeqRange(entry.data);
        if (range.firstSeq !== head.seq + 1) throw broken(index);
        batches.push({ firstSeq: range.firstSeq, index: entry.index });
        seq = range.lastSeq;
      }
      const hash = Uint8Array.from(linked.hash);
      head = { index: asIndex(index), term: entry.term, hash, seq: asSeq(seq) };
      if (index % WALK_ENTRIES === 0) await setImmediate();
    }
    return { base, head, terms, batches };
  }

  /** Makes the tables and the state, and takes the place of the damaged segment. Rejects with ERR_DISK_FULL. */
  async finish(
    walked: Walked,
    active: SegmentState,
    { producers, groups }: Derived,
    onStep?: (step: SwapStep) => Promise<void>,
  ): Promise<void> {
    const { base, head, terms, batches } = walked;
    this.#floor.take(ROW_BYTES * (terms.length + batches.length + producers.size + groups.size));
    await this.#segment.commit({
      removeEntries: { from: 1, to: 0 },
      removeTerms: [],
      removeBatches: [],
      entries: [],
      terms,
      batches,
      producers,
      groups,
      state: { ...(this.damaged.state ?? sealedState(head, active)), base, head },
    });
    await this.close();
    await swapSegment(this.#directory, this.damaged.first, this.#path, onStep);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#segment.close();
  }
}

/** What nobody reads of a segment that is followed by another one, when its own state is lost. */
function sealedState(head: Head, active: SegmentState): Omit<SegmentState, "base" | "head"> {
  return {
    logId: active.logId,
    hardState: { term: head.term, votedFor: NOBODY, commitIndex: head.index },
    appliedIndex: head.index,
    membership: active.membership,
  };
}
