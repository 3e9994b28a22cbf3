/**
 * A `LogStore` in memory whose flushes complete when the simulator says so, and a disk that outlives it. It is deliberately
 * dumb: a write makes a new image of the whole disk. It refuses what the real store refuses, with the same codes.
 */
import { asIndex, asTerm } from "@annals/raft";
import type { Entry, HardState, LogIndex, MembershipState, Snapshot, Term } from "@annals/raft";
import { asSeq, ZERO_HASH } from "@annals/record";
import type { AnnalsError, Seq } from "@annals/record";
import type {
  GroupId,
  GroupState,
  LogStore,
  ProducerState,
  StoredEntry,
  WriteCycle,
} from "@annals/replica";
import { hashEntry, StorageError } from "@annals/storage";
import { nextImage } from "./diskImage.ts";
import type { CycleStep } from "./cycleSteps.ts";
import type { DiskImage, StoredSlot } from "./diskImage.ts";

/** As from a disk. */
function copyOf({ index, term, kind, data }: Entry): Entry {
  return { index, term, kind, data: new Uint8Array(data) };
}

/** The disk under a store, which outlives it. */
interface StoreDisk {
  /** The reason why it takes no writes; undefined when it takes them. */
  readonly refusal: AnnalsError | undefined;
  /** A damaged entry, as read; undefined for an intact one. Throws `ERR_ENTRY_DAMAGED`. */
  read(image: DiskImage, index: number): StoredEntry | undefined;
  /** The cycle is flushed. */
  finish(cycle: WriteCycle, next: DiskImage): void;
  /** The process died when the cycle had come to `step`. */
  cutOff(step: CycleStep, cycle: WriteCycle, next: DiskImage): void;
}

interface PendingWrite {
  readonly cycle: WriteCycle;
  readonly next: DiskImage;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

export interface OpenOptions {
  /** Every write completes by itself, in a microtask. */
  readonly autoComplete?: boolean;
  /** A write is in the air now: whoever drives the disk completes, fails or refuses it later. */
  readonly onWrite?: (store: SimulatedLogStore) => void;
}

function error(code: ConstructorParameters<typeof StorageError>[0], text: string): StorageError {
  return new StorageError(code, text);
}

export class SimulatedLogStore implements LogStore {
  #image: DiskImage;
  readonly #disk: StoreDisk;
  readonly #options: OpenOptions;
  #pending: PendingWrite | undefined;
  #failure: StorageError | undefined;

  constructor(image: DiskImage, disk: StoreDisk, options: OpenOptions) {
    this.#image = image;
    this.#disk = disk;
    this.#options = options;
  }

  /** What reads of this store see. */
  get view(): DiskImage {
    return this.#image;
  }

  /** The cycle in the air, if there is one. */
  get pendingCycle(): WriteCycle | undefined {
    return this.#pending?.cycle;
  }

  /** What will be on disk once that cycle is flushed. */
  get pendingImage(): DiskImage | undefined {
    return this.#pending?.next;
  }

  /** The flush is done: the cycle is on disk and visible, its promise resolves. False when nothing was in the air. */
  completeWrite(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    this.#image = pending.next;
    this.#disk.finish(pending.cycle, pending.next);
    pending.resolve();
    return true;
  }

  /** The flush fails: nothing of the cycle is on disk, the store is finished. False when nothing was in the air. */
  failWrite(cause: unknown): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    this.#failure = new StorageError("ERR_STORAGE_FAILED", "a write to disk failed", { cause });
    pending.reject(this.#failure);
    return true;
  }

  /** There is no room: nothing of the cycle is on disk, the store lives on. False when nothing was in the air. */
  refuseWrite(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    pending.reject(error("ERR_DISK_FULL", "the disk is full"));
    return true;
  }

  /**
   * The process dies: the store is unusable, a write in the air never settles. It had come as far as `step`: a restart must cope with every
   * one.
   */
  crash(step: CycleStep = "begun"): void {
    if (this.#pending !== undefined)
      this.#disk.cutOff(step, this.#pending.cycle, this.#pending.next);
    this.#pending = undefined;
    this.#failure ??= error("ERR_STORAGE_CLOSED", "the process has crashed");
  }

  get refusal(): AnnalsError | undefined {
    return this.#disk.refusal;
  }

  write(cycle: WriteCycle): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#assertUsable();
      if (this.refusal !== undefined) throw this.refusal;
      if (this.#pending !== undefined)
        throw error("ERR_STORAGE_MISUSE", "a write while another one is in the air");
      this.#pending = { cycle, next: nextImage(this.#image, cycle), resolve, reject };
      if (this.#options.autoComplete === true) queueMicrotask(() => this.completeWrite());
      this.#options.onWrite?.(this);
    });
  }

  initialState(): { readonly hardState: HardState; readonly membership: MembershipState } {
    this.#assertUsable();
    return { hardState: this.#image.hardState, membership: this.#image.membership };
  }

  firstIndex(): LogIndex {
    this.#assertUsable();
    return asIndex(1);
  }

  lastIndex(): LogIndex {
    this.#assertUsable();
    const from = this.#pending?.cycle.entries[0]?.index ?? Number.MAX_SAFE_INTEGER;
    return asIndex(Math.min(this.#image.stored.count, from - 1));
  }

  term(index: LogIndex): Term | "compacted" | "unavailable" {
    if (index === 0) return asTerm(0);
    return index > this.lastIndex() ? "unavailable" : this.#at(index).entry.term;
  }

  entries(
    from: LogIndex,
    to: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted" {
    if (from < 1) return "compacted";
    if (to > this.lastIndex() + 1) throw new RangeError(`entries up to ${to}`);
    const entries: Entry[] = [];
    let bytes = 0;
    for (let index: number = from; index < to; index++) {
      const entry = copyOf(this.#checked(asIndex(index)).entry);
      bytes += entry.data.length;
      if (entries.length > 0 && (bytes > maxBytes || entries.length >= maxEntries)) break;
      entries.push(entry);
    }
    return entries;
  }

  chain(previous: Uint8Array, entry: Entry): Uint8Array {
    return hashEntry(previous, entry);
  }

  hashAt(index: LogIndex): Uint8Array {
    this.#assertUsable();
    if (index === 0) return new Uint8Array(ZERO_HASH);
    return new Uint8Array(this.#checked(index).hash);
  }

  snapshot(): Snapshot | undefined {
    return undefined;
  }

  appliedIndex(): LogIndex {
    this.#assertUsable();
    return this.#image.appliedIndex;
  }

  producers(): ReadonlyMap<string, ProducerState> {
    this.#assertUsable();
    return new Map(this.#image.producers);
  }

  groups(): ReadonlyMap<GroupId, GroupState> {
    this.#assertUsable();
    return new Map(this.#image.groups);
  }

  storedEntry(index: LogIndex): StoredEntry | undefined {
    if (index < 1 || index > this.lastIndex()) return undefined;
    return this.#readable(index);
  }

  indexOfSeq(seq: Seq): LogIndex | undefined {
    const index = this.#image.stored.indexOfSeq(seq);
    return index === undefined || index > this.lastIndex() ? undefined : index;
  }

  lastSeq(): Seq {
    this.#assertUsable();
    return this.#image.stored.last?.lastSeq ?? asSeq(0);
  }

  headHash(): Uint8Array {
    this.#assertUsable();
    return new Uint8Array(this.#image.stored.last?.hash ?? ZERO_HASH);
  }

  diskBytes(): number {
    this.#assertUsable();
    return this.#image.stored.last?.totalBytes ?? 0;
  }

  close(): Promise<void> {
    this.completeWrite();
    this.#failure ??= error("ERR_STORAGE_CLOSED", "the log store is closed");
    return Promise.resolve();
  }

  #at(index: LogIndex): StoredSlot {
    const stored = this.#image.stored.at(index);
    if (stored === undefined) throw error("ERR_ENTRY_DAMAGED", `entry ${index} is missing`);
    return stored;
  }

  #readable(index: LogIndex): StoredEntry {
    const { entry, hash } = this.#checked(index);
    return { entry: copyOf(entry), hash: new Uint8Array(hash) };
  }

  #checked(index: LogIndex): StoredEntry {
    return this.#disk.read(this.#image, index) ?? this.#at(index);
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
