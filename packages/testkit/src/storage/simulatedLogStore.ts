/**
 * A `LogStore` in memory whose flushes complete when the simulator says so, and a disk that outlives it. It is deliberately
 * dumb: every write copies the whole log. It refuses what the real store refuses, with the same codes.
 */
import { createHash } from "node:crypto";
import { asIndex, asTerm, NOBODY } from "@annals/raft";
import type { Entry, HardState, LogIndex, MembershipState, Snapshot, Term } from "@annals/raft";
import { asSeq, batchSeqRange, chainHash, ZERO_HASH } from "@annals/record";
import type { Seq } from "@annals/record";
import type { LogStore, ProducerState, StoredEntry, WriteCycle } from "@annals/replica";
import { StorageError } from "@annals/storage";
import { entryKindCode } from "@annals/wire";

/** Everything that one log has on disk. Replaced as a whole, never changed. */
interface Image {
  readonly stored: readonly StoredEntry[];
  readonly hardState: HardState;
  readonly membership: MembershipState;
  readonly appliedIndex: LogIndex;
  readonly producers: ReadonlyMap<string, ProducerState>;
  readonly damaged: ReadonlySet<number>;
}

interface PendingWrite {
  readonly cycle: WriteCycle;
  readonly next: Image;
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

/** The disk under one replica: what it holds survives every crash of the store above it. */
export class SimulatedDisk {
  #image: Image;
  #store: SimulatedLogStore | undefined;

  constructor(membership: MembershipState) {
    this.#image = {
      stored: [],
      hardState: { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) },
      membership,
      appliedIndex: asIndex(0),
      producers: new Map(),
      damaged: new Set(),
    };
  }

  /** Opens a store; an older one on this disk is dead from now on. With `autoComplete` every write completes by itself, in a microtask. */
  open(options: { readonly autoComplete?: boolean } = {}): SimulatedLogStore {
    this.#store?.crash();
    const store = new SimulatedLogStore(
      this.#image,
      (image) => {
        this.#image = image;
      },
      options.autoComplete ?? false,
    );
    this.#store = store;
    return store;
  }

  /** Bit rot: reading this entry fails from the next open on. */
  damageEntry(index: LogIndex): void {
    this.#image = { ...this.#image, damaged: new Set([...this.#image.damaged, index]) };
  }
}

function error(code: ConstructorParameters<typeof StorageError>[0], text: string): StorageError {
  return new StorageError(code, text);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

export class SimulatedLogStore implements LogStore {
  #image: Image;
  readonly #persist: (image: Image) => void;
  readonly #autoComplete: boolean;
  #pending: PendingWrite | undefined;
  #failure: StorageError | undefined;

  constructor(image: Image, persist: (image: Image) => void, autoComplete: boolean) {
    this.#image = image;
    this.#persist = persist;
    this.#autoComplete = autoComplete;
  }

  /** The cycle in the air, if there is one. */
  get pendingCycle(): WriteCycle | undefined {
    return this.#pending?.cycle;
  }

  /** The flush is done: the cycle is on disk and visible, its promise resolves. False when nothing was in the air. */
  completeWrite(): boolean {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    this.#image = pending.next;
    this.#persist(pending.next);
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

  /**
   * The process dies: the store is unusable, a write in the air never settles. It is lost, or with `keepPending` it had just
   * reached the disk: a restart must cope with both.
   */
  crash(options: { readonly keepPending?: boolean } = {}): void {
    if (options.keepPending === true && this.#pending !== undefined)
      this.#persist(this.#pending.next);
    this.#pending = undefined;
    this.#failure ??= error("ERR_STORAGE_CLOSED", "the process has crashed");
  }

  write(cycle: WriteCycle): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#assertUsable();
      if (this.#pending !== undefined)
        throw error("ERR_STORAGE_MISUSE", "a write while another one is in the air");
      this.#pending = { cycle, next: nextImage(this.#image, cycle), resolve, reject };
      if (this.#autoComplete) queueMicrotask(() => this.completeWrite());
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
    return asIndex(Math.min(this.#image.stored.length, from - 1));
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
      const { entry } = this.#readable(asIndex(index));
      bytes += entry.data.length;
      if (entries.length > 0 && (bytes > maxBytes || entries.length >= maxEntries)) break;
      entries.push(entry);
    }
    return entries;
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

  storedEntry(index: LogIndex): StoredEntry | undefined {
    if (index < 1 || index > this.lastIndex()) return undefined;
    return this.#readable(index);
  }

  indexOfSeq(seq: Seq): LogIndex | undefined {
    const last = this.lastIndex();
    return this.#image.stored.find(
      ({ entry }) =>
        entry.index <= last && entry.kind === "records" && batchSeqRange(entry.data).lastSeq >= seq,
    )?.entry.index;
  }

  lastSeq(): Seq {
    this.#assertUsable();
    return lastSeqOf(this.#image.stored);
  }

  headHash(): Uint8Array {
    this.#assertUsable();
    return Uint8Array.from(this.#image.stored.at(-1)?.hash ?? ZERO_HASH);
  }

  diskBytes(): number {
    this.#assertUsable();
    return this.#image.stored.reduce((sum, { entry }) => sum + entry.data.length, 0);
  }

  close(): Promise<void> {
    this.completeWrite();
    this.#failure ??= error("ERR_STORAGE_CLOSED", "the log store is closed");
    return Promise.resolve();
  }

  #at(index: LogIndex): StoredEntry {
    const stored = this.#image.stored[index - 1];
    if (stored === undefined) throw error("ERR_ENTRY_DAMAGED", `entry ${index} is missing`);
    return stored;
  }

  /** A copy, as from a disk. */
  #readable(index: LogIndex): StoredEntry {
    if (this.#image.damaged.has(index)) throw error("ERR_ENTRY_DAMAGED", `entry ${index}`);
    const { entry, hash } = this.#at(index);
    return {
      entry: { ...entry, data: Uint8Array.from(entry.data) },
      hash: Uint8Array.from(hash),
    };
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function lastSeqOf(stored: readonly StoredEntry[]): Seq {
  const batch = stored.findLast(({ entry }) => entry.kind === "records");
  return batch === undefined ? asSeq(0) : batchSeqRange(batch.entry.data).lastSeq;
}

/** The disk after the cycle. Throws what the real store throws for a cycle that breaks the contract. */
function nextImage(image: Image, cycle: WriteCycle): Image {
  const misuse = (text: string): StorageError => error("ERR_STORAGE_MISUSE", text);
  const first = cycle.entries[0]?.index;
  if (first !== undefined && first <= image.hardState.commitIndex)
    throw misuse(`truncating from ${first} at commit index ${image.hardState.commitIndex}`);
  const stored = first === undefined ? [...image.stored] : image.stored.slice(0, first - 1);
  for (const entry of cycle.entries) {
    const previous = stored.at(-1);
    if (entry.index !== stored.length + 1) throw misuse(`entry ${entry.index} leaves a gap`);
    if (previous !== undefined && entry.term < previous.entry.term)
      throw misuse(`entry ${entry.index} falls back to term ${entry.term}`);
    if (entry.kind === "records" && batchSeqRange(entry.data).firstSeq !== lastSeqOf(stored) + 1)
      throw misuse(`the batch in entry ${entry.index} leaves a gap`);
    const data = Uint8Array.from(entry.data);
    const kind = entryKindCode(entry.kind);
    const before = previous?.hash ?? ZERO_HASH;
    const hash = chainHash(sha256, before, entry.index, entry.term, kind, data);
    stored.push({ entry: { ...entry, data }, hash });
  }
  const hardState = cycle.hardState ?? image.hardState;
  if (hardState.term < image.hardState.term) throw misuse("term falls");
  if (hardState.commitIndex < image.hardState.commitIndex) throw misuse("commit index falls");
  if (hardState.commitIndex > stored.length) throw misuse("commit index > last index");
  const appliedIndex = cycle.applied?.appliedIndex ?? image.appliedIndex;
  if (appliedIndex < image.appliedIndex) throw misuse("applied index falls");
  if (appliedIndex > hardState.commitIndex) throw misuse("applied index > commit index");
  const producers = new Map(image.producers);
  for (const [id, state] of cycle.applied?.producers ?? []) {
    if (state === undefined) producers.delete(id);
    else producers.set(id, state);
  }
  const membership = cycle.applied?.membership ?? image.membership;
  return { stored, hardState, membership, appliedIndex, producers, damaged: image.damaged };
}
