import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { asIndex, asTerm } from "@annals/raft";
import type { Entry, LogIndex } from "@annals/raft";
import { asSeq, batchSeqRange, decodeBatchHeader, equalBytes, ZERO_HASH } from "@annals/record";
import { decodeGroupCommand, GroupTable, isGroupCommand, ProducerTable } from "@annals/replica";
import type { DamagedRun, RepairSink } from "@annals/replica";
import type { DamagedGroup, DamagedSegment, Diagnosis } from "./diagnosis.ts";
import type { DiskFloor } from "../disk/diskFloor.ts";
import { origin } from "../segments/roll.ts";
import { derivedOf, salvageDerived } from "./salvage.ts";
import type { Derived } from "./salvage.ts";
import { salvageDerivedInChild, unlessDamage } from "../check/scanProcess.ts";
import { SealedSegments } from "../segments/sealedSegments.ts";
import { dataFile, mapBytesOf, Segment } from "../segments/segment.ts";
import type { EntryRow } from "../segments/segment.ts";
import { removeUnfinished, segmentName, temporaryPath } from "../segments/segmentDirectory.ts";
import type { SwapStep } from "../segments/segmentDirectory.ts";
import { intactEntry } from "../check/segmentScan.ts";
import { SegmentRebuild } from "./segmentRebuild.ts";
import type { Walked } from "./segmentRebuild.ts";
import type { Head } from "../segments/segmentState.ts";
import { logDamaged, REPLACE_ADVICE } from "../storageError.ts";
import { encodeStoredEntry, hashEntry } from "../segments/storedEntry.ts";
import type { LinkedEntry } from "../segments/storedEntry.ts";

export interface LogRepairOptions {
  readonly directory: string;
  readonly diagnosis: Extract<Diagnosis, { kind: "damaged" }>;
  readonly segmentBytes: number;
  /** Of the disk of the log: what is free below it is not used to rebuild, either. */
  readonly floor: DiskFloor;
  /** Cap of the producer table, in case it has to be made anew. */
  readonly maxProducers: number;
  /** Whether damaged files are read by processes of their own, which damage may kill. Default true. */
  readonly isolate?: boolean;
  /** For crash tests. */
  readonly onStep?: (step: SwapStep) => Promise<void>;
}

/** A run that peers have to help with, and where their entries go. */
export interface RunToRepair {
  readonly run: DamagedRun;
  readonly sink: RepairSink;
}

interface Group {
  readonly group: DamagedGroup;
  readonly base: Head;
  readonly rebuilds: readonly SegmentRebuild[];
}

/**
 * The repair of one log while nobody has it open: rebuilds the damaged segments beside the old ones. Until `finish` nothing has changed,
 * and a crash at any moment leaves segments that are either the old or the new ones.
 */
export class LogRepair {
  readonly #options: LogRepairOptions;
  readonly #sound: SealedSegments;
  readonly #groups: readonly Group[];
  readonly runs: readonly RunToRepair[];
  readonly #fetched: Segment[] = [];

  private constructor(
    options: LogRepairOptions,
    sound: SealedSegments,
    groups: readonly Group[],
    runs: readonly (DamagedRun | undefined)[],
  ) {
    this.#options = options;
    this.#sound = sound;
    this.#groups = groups;
    this.runs = groups.flatMap((group, k) => {
      const run = runs[k];
      return run === undefined ? [] : [{ run, sink: this.#sinkOf(group, run) }];
    });
  }

  /**
   * Salvages what is intact and finds the runs that are missing. Rejects with ERR_DISK_FULL when the damaged segments do not fit beside
   * themselves; then, as with every rejection here and later, nothing is left but what was there before.
   */
  static async begin(options: LogRepairOptions): Promise<LogRepair> {
    const { directory, diagnosis, segmentBytes, floor, isolate = true } = options;
    const damagedSegments = diagnosis.groups.flatMap(({ segments }) => segments);
    floor.assertRoom(fileBytesOf(directory, damagedSegments));
    const mapBytes = mapBytesOf(segmentBytes);
    const sound = new SealedSegments(directory, diagnosis.sound, mapBytes);
    const rebuilds: SegmentRebuild[] = [];
    try {
      for (const damaged of damagedSegments)
        rebuilds.push(await SegmentRebuild.begin(directory, damaged, mapBytes, floor, isolate));
      const groups = diagnosis.groups.map((group) => ({
        group,
        base: baseOf(group, sound),
        rebuilds: rebuilds.filter(({ damaged }) => group.segments.includes(damaged)),
      }));
      return new LogRepair(options, sound, groups, groups.map(missingRun));
    } catch (error) {
      for (const one of rebuilds) await one.close();
      await sound.close();
      await removeUnfinished(directory);
      throw error;
    }
  }

  /** Where the own log is committed. */
  get commitIndex(): LogIndex {
    return this.#options.diagnosis.state.hardState.commitIndex;
  }

  /**
   * What is intact from `from` on, up to the first entry that is not: for the own run, whose receiver proves it, and for peers that are
   * damaged elsewhere. At most `maxEntries`, and `maxBytes` unless the first alone is larger.
   */
  entries(from: number, to: number, maxEntries: number, maxBytes: number): readonly Entry[] {
    const entries: Entry[] = [];
    const { head } = this.#options.diagnosis.state;
    let bytes = 0;
    for (let index = from; index <= Math.min(to, head.index); index++) {
      const linked = this.#linked(index);
      bytes += linked?.entry.data.length ?? 0;
      const full = entries.length > 0 && (bytes > maxBytes || entries.length >= maxEntries);
      if (linked === undefined || full) break;
      entries.push(linked.entry);
    }
    return entries;
  }

  #linked(index: number): LinkedEntry | undefined {
    for (const { rebuilds } of this.#groups) {
      const rebuild = rebuilds.find(
        ({ damaged }) => damaged.first <= index && index <= damaged.last,
      );
      if (rebuild !== undefined) return rebuild.entry(index);
    }
    return intactEntry(this.#sound.holding(index).segment, index);
  }

  /** Call it when every run is repaired. Rejects with ERR_LOG_DAMAGED when the chain is not what it must be; nothing has changed then. */
  async finish(): Promise<void> {
    const { diagnosis, onStep } = this.#options;
    const walked: (readonly [SegmentRebuild, Walked])[] = [];
    for (const { group, base, rebuilds } of this.#groups) {
      let head = base;
      for (const rebuild of rebuilds) {
        const found = await rebuild.walk(head);
        walked.push([rebuild, found]);
        head = found.head;
      }
      if (!sameHead(head, group.end))
        throw logDamaged(
          this.#options.directory,
          "the rebuilt chain ends elsewhere",
          REPLACE_ADVICE,
        );
    }
    const { state } = diagnosis;
    const active = walked.at(-1)?.[0];
    const derived =
      active?.damaged.last === state.head.index
        ? await this.#derived(active.damaged.first)
        : NOTHING_DERIVED;
    // Nobody looks at what is derived in a segment that is followed by another one.
    for (const [rebuild, found] of walked)
      await rebuild.finish(found, state, rebuild === active ? derived : NOTHING_DERIVED, onStep);
    await this.close();
  }

  /** Those of the active segment, or those that the applied entries add up to. */
  async #derived(first: number): Promise<Derived> {
    const { directory, diagnosis, maxProducers, isolate = true } = this.#options;
    const salvaged = isolate
      ? await salvageDerivedInChild(directory, first)
      : await salvageDerived(directory, first).catch(unlessDamage);
    if (salvaged !== undefined) return derivedOf(salvaged);
    const producers = new ProducerTable(maxProducers, new Map());
    const groups = new GroupTable(new Map());
    for (let index = 1; index <= diagnosis.state.appliedIndex; index++) {
      const entry = this.#linked(index)?.entry;
      if (entry?.kind === "records") producers.apply(entry.index, decodeBatchHeader(entry.data));
      if (entry?.kind === "command" && isGroupCommand(entry.data))
        groups.apply(entry.index, decodeGroupCommand(entry.data));
    }
    return { producers: known(producers.takeChanged()), groups: known(groups.takeChanged()) };
  }

  /** Lets go of everything and removes what was not finished. Idempotent. */
  async close(): Promise<void> {
    for (const { rebuilds } of this.#groups) for (const one of rebuilds) await one.close();
    for (const one of this.#fetched.splice(0)) await one.close();
    await this.#sound.close();
    await removeUnfinished(this.#options.directory);
  }

  /** Fetched entries wait in a segment of their own: what is intact here must not be lost to what may prove wrong. */
  #sinkOf({ rebuilds }: Group, run: DamagedRun): RepairSink {
    const { directory, segmentBytes, floor } = this.#options;
    let fetched: Segment | undefined;
    let head = run.before;
    return {
      write: async (entries) => {
        if (fetched === undefined) {
          const path = temporaryPath(directory, `fetched-${run.from}`);
          await rm(path, { recursive: true, force: true });
          fetched = await Segment.create(path, mapBytesOf(segmentBytes));
          this.#fetched.push(fetched);
        }
        const values: EntryRow[] = [];
        for (const entry of entries) {
          const hash = hashEntry(head, entry);
          values.push({ index: entry.index, value: encodeStoredEntry(entry, head, hash) });
          head = hash;
        }
        floor.take(values.reduce((sum, { value }) => sum + value.length, 0));
        await fetched.putEntries(values);
      },
      discard: async () => {
        // The next attempt writes the same indexes again, from the first one on.
        head = run.before;
      },
      commit: async () => {
        for (let index: number = run.from; index <= run.to; index++) {
          const value = fetched?.entryValue(index);
          const rebuild = rebuilds.find(({ damaged }) => index <= damaged.last);
          if (value !== undefined) await rebuild?.put([{ index: asIndex(index), value }]);
        }
      },
    };
  }
}

/** What the files of these segments take; about as much is needed beside them. */
function fileBytesOf(directory: string, segments: readonly DamagedSegment[]): number {
  const files = segments.map(({ first }) => dataFile(join(directory, segmentName(first))));
  return files.reduce((sum, file) => sum + (statSync(file, STAT_OPTIONS)?.size ?? 0), 0);
}

const STAT_OPTIONS = { throwIfNoEntry: false } as const;

function sameHead(a: Head, b: Head): boolean {
  return a.index === b.index && a.term === b.term && a.seq === b.seq && equalBytes(a.hash, b.hash);
}

/** What precedes a group: its own word, or the end of the sound segment before it. */
function baseOf({ segments: [first] }: DamagedGroup, sound: SealedSegments): Head {
  if (first?.state !== undefined) return first.state.base;
  if (first === undefined || first.first === 1) return origin(ZERO_HASH, asTerm(0));
  const index = first.first - 1;
  const { segment, state } = sound.holding(index);
  const linked = intactEntry(segment, index);
  if (linked === undefined)
    throw logDamaged(segment.path, `entry ${index} cannot be read`, REPLACE_ADVICE);
  return {
    index: asIndex(index),
    term: linked.entry.term,
    hash: Uint8Array.from(linked.hash),
    seq: seqAt(segment, state.base, index),
  };
}

/** Seq of the last record at or below `index`. */
function seqAt(segment: Segment, base: Head, index: number): Head["seq"] {
  let ref = segment.batchAtOrBefore(Number.MAX_SAFE_INTEGER);
  while (ref !== undefined && ref.index > index) ref = segment.batchAtOrBefore(ref.firstSeq - 1);
  const batch = ref === undefined ? undefined : intactEntry(segment, ref.index);
  return batch === undefined ? base.seq : asSeq(batchSeqRange(batch.entry.data).lastSeq);
}

/**
 * From the first entry that does not chain to the base to the last one that does not lead to the end; undefined when all do. Where both
 * meet without fitting, an entry of another time lies among them, and all up to there is asked for.
 */
function missingRun({ group, base, rebuilds }: Group): DamagedRun | undefined {
  const at = (index: number): LinkedEntry | undefined =>
    rebuilds.find(({ damaged }) => index <= damaged.last)?.entry(index);
  let { hash } = group.end;
  let to: number = group.end.index;
  for (; to > base.index; to--) {
    const linked = at(to);
    if (linked === undefined || !equalBytes(linked.hash, hash)) break;
    hash = Uint8Array.from(linked.previousHash);
  }
  if (to === base.index) return undefined;
  let before = base.hash;
  let from = base.index + 1;
  for (; from <= to; from++) {
    const linked = at(from);
    if (linked === undefined || !equalBytes(linked.previousHash, before)) break;
    before = Uint8Array.from(linked.hash);
  }
  if (from > to) return { from: asIndex(base.index + 1), to: asIndex(to), before: base.hash, hash };
  return { from: asIndex(from), to: asIndex(to), before, hash };
}

const NOTHING_DERIVED: Derived = { producers: new Map(), groups: new Map() };

function known<Id, State>(states: ReadonlyMap<Id, State | undefined>): ReadonlyMap<Id, State> {
  const found = new Map<Id, State>();
  for (const [id, state] of states) if (state !== undefined) found.set(id, state);
  return found;
}
