/**
 * One segment of a log: an LMDB environment with six tables. Keys are 8-byte big-endian integers, UTF-8 ids, or the one word of
 * `meta`; values are ours byte for byte (`encoding: "binary"`).
 *
 *     entries    index      → stored entry
 *     batches    first seq  → index + CRC
 *     terms      index      → the term that begins there + CRC
 *     producers  id         → producer state
 *     groups     id         → group state
 *     meta       "state"    → segment state
 */
import { closeSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { asIndex, asTerm } from "@annals/raft";
import type { LogIndex, Term } from "@annals/raft";
import { asSeq, equalBytes } from "@annals/record";
import type { Seq } from "@annals/record";
import type { GroupId, GroupState, ProducerState } from "@annals/replica";
import type { RootDatabase } from "lmdb";
import { unsealValue } from "./checkedValue.ts";
import { commitCause } from "./commitCause.ts";
import { diskRefusal, refusalOr } from "../disk/diskRefusal.ts";
import { openRoot, openTables } from "./environment.ts";
import type { TableName } from "./environment.ts";
import { decodeGroup, encodeGroup } from "./groupValue.ts";
import { allocateLockFile } from "./lockFile.ts";
import { decodeProducer, encodeProducer, producerKey } from "./producerValue.ts";
import { changeRows, integerKey, integerOf, putInteger, rowsOf } from "./segmentRows.ts";
import type { Table } from "./segmentRows.ts";
import { decodeSegmentState, encodeSegmentState, STATE_KEY } from "./segmentState.ts";
import type { SegmentState } from "./segmentState.ts";
import { entryDamaged, logDamaged, REPLACE_ADVICE, StorageError } from "../storageError.ts";

/** A run of entries of one term. */
export interface TermRun {
  readonly from: LogIndex;
  readonly term: Term;
}

export interface BatchRef {
  readonly firstSeq: Seq;
  readonly index: LogIndex;
}

/** A row of the `entries` table. */
export interface EntryRow {
  readonly index: LogIndex;
  readonly value: Uint8Array;
}

/** What one transaction does, in this order. Values are built beforehand: nothing inside may throw half-way. */
export interface SegmentWrite {
  readonly removeEntries: { readonly from: number; readonly to: number };
  readonly removeTerms: readonly LogIndex[];
  readonly removeBatches: readonly Seq[];
  readonly entries: readonly EntryRow[];
  readonly terms: readonly TermRun[];
  readonly batches: readonly BatchRef[];
  readonly producers: ReadonlyMap<string, ProducerState | undefined>;
  readonly groups: ReadonlyMap<GroupId, GroupState | undefined>;
  readonly state: SegmentState;
}

/** Data file of a segment directory. */
export function dataFile(path: string): string {
  return join(path, "data.mdb");
}

/** Address space: the file may outgrow `segmentBytes` by an uncommitted tail, and LMDB enlarges the map if that is not enough. */
export function mapBytesOf(segmentBytes: number): number {
  return 2 * segmentBytes;
}

export class Segment {
  readonly path: string;
  readonly readOnly: boolean;
  /** Whether `close` frees its file: LMDB keeps one that was opened without a lock file, on a read-only disk, until the process ends. */
  readonly closable: boolean;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #entries: Table;
  readonly #batches: Table;
  readonly #terms: Table;
  readonly #producers: Table;
  readonly #groups: Table;
  readonly #meta: Table;
  /** The state as this owner read or wrote it last. */
  #ownState: Uint8Array | undefined;

  private constructor(
    path: string,
    root: RootDatabase<Uint8Array, Uint8Array>,
    tables: Readonly<Record<TableName, Table>>,
    { readOnly, closable }: Pick<Segment, "readOnly" | "closable">,
  ) {
    this.path = path;
    this.readOnly = readOnly;
    this.closable = closable;
    this.#root = root;
    this.#entries = tables.entries;
    this.#batches = tables.batches;
    this.#terms = tables.terms;
    this.#producers = tables.producers;
    this.#groups = tables.groups;
    this.#meta = tables.meta;
  }

  /** Opens a segment that exists. `mapBytes` is address space, not memory; LMDB enlarges it when the file outgrows it. */
  static open(path: string, mode: "readWrite" | "readOnly", mapBytes: number): Segment {
    try {
      const closable = allocateLockFile(path, "reader") === "allocated";
      const readOnly = mode === "readOnly";
      const root = openRoot(path, readOnly, mapBytes);
      return new Segment(path, root, openTables(root, path), { readOnly, closable });
    } catch (error) {
      throw refusalOr(error, path);
    }
  }

  /** Makes the tables of a new segment. Opening a table that does not exist flushes on this thread; inside a transaction it does not. */
  static async create(path: string, mapBytes: number): Promise<Segment> {
    mkdirSync(path, { recursive: true });
    allocateLockFile(path, "reader");
    const root = openRoot(path, false, mapBytes);
    try {
      const tables = await root.transaction(() => openTables(root, path));
      return new Segment(path, root, tables, { readOnly: false, closable: true });
    } catch (error) {
      const cause = await commitCause(error);
      await root.close();
      throw cause;
    }
  }

  /** Undefined in a segment that was never written. Throws `ERR_LOG_DAMAGED`. */
  readState(): SegmentState | undefined {
    const bytes = this.#meta.getBinary(STATE_KEY);
    if (bytes === undefined) return undefined;
    this.#ownState = bytes;
    let state: SegmentState | undefined;
    try {
      state = decodeSegmentState(bytes);
    } catch (cause) {
      throw new StorageError(
        "ERR_LOG_FORMAT",
        `segment ${this.path} has a format of another version`,
        {
          cause,
        },
      );
    }
    if (state === undefined)
      throw logDamaged(this.path, "the segment's state fails its checksum", REPLACE_ADVICE);
    return state;
  }

  /** The state of a segment whose first entry is `first`. Throws `ERR_LOG_DAMAGED` when there is none, or that of another one. */
  stateFrom(first: number): SegmentState {
    const state = this.readState();
    if (state !== undefined && state.base.index + 1 === first) return state;
    throw logDamaged(
      this.path,
      "the segment's state is missing or belongs elsewhere",
      REPLACE_ADVICE,
    );
  }

  /** A copy of the stored bytes. Throws `ERR_ENTRY_DAMAGED` when LMDB cannot find its way to it. */
  entryValue(index: number): Uint8Array | undefined {
    try {
      return this.#entries.getBinary(integerKey(index));
    } catch (cause) {
      throw (
        diskRefusal(cause, this.path) ??
        entryDamaged(index, `LMDB cannot read it: ${String(cause)}`)
      );
    }
  }

  /** Keys of the `entries` table, ascending. */
  entryIndexes(): number[] {
    return [...this.#entries.getKeys()].map(integerOf);
  }

  /** What LMDB says of pages that are not what they were is damage, too. */
  #guarded<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof StorageError) throw cause;
      throw (
        diskRefusal(cause, this.path) ??
        logDamaged(this.path, `LMDB cannot read it: ${String(cause)}`, REPLACE_ADVICE)
      );
    }
  }

  /** The last batch that begins at or before `seq`. */
  batchAtOrBefore(seq: number): BatchRef | undefined {
    return this.#guarded(() => this.#lastBatch(seq));
  }

  #lastBatch(seq: number): BatchRef | undefined {
    for (const { key, value } of this.#batches.getRange({
      start: integerKey(seq),
      reverse: true,
      limit: 1,
    })) {
      return this.#batchRef(key, value);
    }
    return undefined;
  }

  /** Batches that begin at or after `seq`, ascending. */
  batchesFrom(seq: number, limit: number): BatchRef[] {
    return this.#guarded(() => this.#batchesFrom(seq, limit));
  }

  #batchesFrom(seq: number, limit: number): BatchRef[] {
    const refs: BatchRef[] = [];
    for (const { key, value } of this.#batches.getRange({ start: integerKey(seq), limit }))
      refs.push(this.#batchRef(key, value));
    return refs;
  }

  #batchRef(key: Uint8Array, value: Uint8Array): BatchRef {
    const payload = unsealValue(value, key);
    if (payload?.length !== 8)
      throw logDamaged(
        this.path,
        `batch of seq ${integerOf(key)} fails its checksum`,
        REPLACE_ADVICE,
      );
    return { firstSeq: asSeq(integerOf(key)), index: asIndex(integerOf(payload)) };
  }

  termRuns(): TermRun[] {
    return this.#guarded(() => this.#termRuns());
  }

  #termRuns(): TermRun[] {
    const runs: TermRun[] = [];
    for (const { key, value } of this.#terms.getRange({})) {
      const payload = unsealValue(value, key);
      if (payload?.length !== 8)
        throw logDamaged(
          this.path,
          `term of index ${integerOf(key)} fails its checksum`,
          REPLACE_ADVICE,
        );
      runs.push({ from: asIndex(integerOf(key)), term: asTerm(integerOf(payload)) });
    }
    return runs;
  }

  producers(): Map<string, ProducerState> {
    const producers = new Map<string, ProducerState>();
    for (const { key, value } of this.#producers.getRange({})) {
      const id = Buffer.from(key).toString("utf8");
      const state = decodeProducer(key, value);
      if (state === undefined)
        throw logDamaged(this.path, "a producer fails its checksum", REPLACE_ADVICE);
      producers.set(id, state);
    }
    return producers;
  }

  groups(): Map<GroupId, GroupState> {
    const groups = new Map<GroupId, GroupState>();
    for (const { key, value } of this.#groups.getRange({})) {
      const group = decodeGroup(key, value);
      if (group === undefined)
        throw logDamaged(this.path, "a group fails its checksum", REPLACE_ADVICE);
      groups.set(group.id, group);
    }
    return groups;
  }

  /**
   * Writes everything in one transaction; resolves after fdatasync and the synced meta page. Rejects with what LMDB says and then
   * nothing of it is stored.
   */
  async commit(write: SegmentWrite): Promise<void> {
    const producers = rowsOf(write.producers, producerKey, encodeProducer);
    const groups = rowsOf(write.groups, integerKey, encodeGroup);
    const state = encodeSegmentState(write.state);
    this.#assertUnchanged();
    await this.#batch(() => {
      for (let index = write.removeEntries.from; index <= write.removeEntries.to; index++)
        void this.#entries.remove(integerKey(index));
      for (const index of write.removeTerms) void this.#terms.remove(integerKey(index));
      for (const seq of write.removeBatches) void this.#batches.remove(integerKey(seq));
      for (const { index, value } of write.entries)
        void this.#entries.put(integerKey(index), value);
      for (const { from, term } of write.terms) putInteger(this.#terms, from, term);
      for (const { firstSeq, index } of write.batches) putInteger(this.#batches, firstSeq, index);
      changeRows(this.#producers, producers);
      changeRows(this.#groups, groups);
      void this.#meta.put(STATE_KEY, state);
    });
    this.#ownState = state;
  }

  /** Adds entries to a segment that is being rebuilt, before its `commit`. */
  async putEntries(entries: readonly EntryRow[]): Promise<void> {
    await this.#batch(() => {
      for (const { index, value } of entries) void this.#entries.put(integerKey(index), value);
    });
  }

  /** All of it durable, or nothing of it and LMDB's reason. */
  async #batch(work: () => void): Promise<void> {
    try {
      await this.#root.batch(work);
    } catch (error) {
      throw await commitCause(error);
    }
  }

  /** LMDB would let a second process write in turns with this one, each over what the other does not know. */
  #assertUnchanged(): void {
    if (this.#ownState === undefined) return;
    this.#root.resetReadTxn();
    const found = this.#meta.getBinary(STATE_KEY);
    if (found === undefined || !equalBytes(found, this.#ownState)) {
      const what =
        "somebody else has written to this log; is a second node running on its directory?";
      throw logDamaged(this.path, what, "stop one of them, then run `annals fsck`");
    }
  }

  /** Throws what the system says when it does not let the file be written. */
  assertWritable(): void {
    closeSync(openSync(dataFile(this.path), "r+"));
  }

  /**
   * Opens a segment that was opened for reading again, for writing, within one turn: no reader finds it closed. LMDB shares the environment
   * of a file, so the one for reading has to go first.
   */
  async reopen(mapBytes: number): Promise<Segment> {
    const closed = this.close();
    const segment = Segment.open(this.path, "readWrite", mapBytes);
    await closed;
    return segment;
  }

  fileBytes(): number {
    return statSync(dataFile(this.path)).size;
  }

  async close(): Promise<void> {
    await this.#root.close();
  }
}
