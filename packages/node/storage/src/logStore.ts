import { asIndex } from "@annals/raft";
import type { Entry, HardState, LogIndex, MembershipState, Snapshot, Term } from "@annals/raft";
import { asSeq, equalBytes } from "@annals/record";
import type { Seq } from "@annals/record";
import type {
  GroupId,
  GroupState,
  LogStore,
  ProducerState,
  StoredEntry,
  WriteCycle,
} from "@annals/replica";
import { letGo } from "@annals/wire";
import type { Attestor } from "./segments/attestor.ts";
import { planCycle } from "./segments/cyclePlan.ts";
import type { CyclePlan } from "./segments/cyclePlan.ts";
import type { DiskFloor } from "./disk/diskFloor.ts";
import type { DiskGate } from "./disk/diskGate.ts";
import { diskRefusal, isDiskRefusal } from "./disk/diskRefusal.ts";
import type { Roller } from "./segments/roller.ts";
import type { OpenSegment, SealedSegments } from "./segments/sealedSegments.ts";
import type { BatchRef } from "./segments/segment.ts";
import type { Head } from "./segments/segmentState.ts";
import { entryDamaged, StorageError } from "./storageError.ts";
import { decodeStoredEntry, hashEntry, withLink } from "./segments/storedEntry.ts";
import type { LinkedEntry } from "./segments/storedEntry.ts";
import { termAt } from "./segments/termRuns.ts";

/** What `openLogStore` has found and made. */
export interface LogStoreParts {
  /** Address space of one segment. */
  readonly mapBytes: number;
  readonly active: OpenSegment;
  readonly sealed: SealedSegments;
  readonly attestor: Attestor;
  readonly floor: DiskFloor;
  readonly gate: DiskGate;
  readonly roller: Roller;
}

/** `LogStore` on LMDB; made by `openLogStore`. */
export class LmdbLogStore implements LogStore {
  readonly #parts: LogStoreParts;
  #active: OpenSegment;
  /** Reads see nothing above; below the head only while a truncating write is in the air. */
  #visibleLast: LogIndex;
  #failure: StorageError | undefined;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: LogStoreParts) {
    this.#parts = parts;
    this.#active = parts.active;
    this.#visibleLast = parts.active.state.head.index;
  }

  initialState(): { readonly hardState: HardState; readonly membership: MembershipState } {
    this.#assertUsable();
    const { hardState, membership } = this.#active.state;
    return { hardState, membership };
  }

  firstIndex(): LogIndex {
    this.#assertUsable();
    return this.#parts.sealed.firstIndex ?? asIndex(this.#active.state.base.index + 1);
  }

  lastIndex(): LogIndex {
    this.#assertUsable();
    return this.#visibleLast;
  }

  term(index: LogIndex): Term | "compacted" | "unavailable" {
    if (index > this.lastIndex()) return "unavailable";
    const first = this.firstIndex();
    if (index < first - 1) return "compacted";
    const { base } = index < first ? this.#holding(first).state : this.#active.state;
    if (index === base.index) return base.term;
    const term = termAt(this.#holding(index).terms, index);
    if (term === undefined) throw entryDamaged(index, "no term is known for it");
    return term;
  }

  /** The segment in charge of `index`, which is at or above the first one. */
  #holding(index: number): OpenSegment {
    return index > this.#active.state.base.index ? this.#active : this.#parts.sealed.holding(index);
  }

  entries(
    from: LogIndex,
    to: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted" {
    if (from < this.firstIndex()) return "compacted";
    if (to > this.#visibleLast + 1)
      throw new RangeError(`entries [${from}, ${to}) of a log that ends at ${this.#visibleLast}`);
    const entries: Entry[] = [];
    const count = Math.max(1, maxEntries);
    let bytes = 0;
    let previous: LinkedEntry | undefined;
    for (let index: number = from; index < to && entries.length < count; index++) {
      const linked = this.#read(asIndex(index));
      if (previous !== undefined && !equalBytes(previous.hash, linked.previousHash))
        throw entryDamaged(index, "it does not chain to the entry before it");
      bytes += linked.entry.data.length;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push(withLink(linked));
      previous = linked;
    }
    return entries;
  }

  chain(previous: Uint8Array, entry: Entry): Uint8Array {
    return hashEntry(previous, entry);
  }

  hashAt(index: LogIndex): Uint8Array {
    this.#assertUsable();
    const { base, head } = this.#active.state;
    if (index === head.index) return Uint8Array.from(head.hash);
    if (index === base.index) return Uint8Array.from(base.hash);
    const first = this.firstIndex();
    if (index < first) return Uint8Array.from(this.#holding(first).state.base.hash);
    return Uint8Array.from(this.#read(index).hash);
  }

  /** A log is complete from its first entry on, so there is nothing that a snapshot would stand for. */
  snapshot(): Snapshot | undefined {
    return undefined;
  }

  appliedIndex(): LogIndex {
    this.#assertUsable();
    return this.#active.state.appliedIndex;
  }

  producers(): ReadonlyMap<string, ProducerState> {
    this.#assertUsable();
    return this.#active.segment.producers();
  }

  groups(): ReadonlyMap<GroupId, GroupState> {
    this.#assertUsable();
    return this.#active.segment.groups();
  }

  storedEntry(index: LogIndex): StoredEntry | undefined {
    if (index < this.firstIndex() || index > this.#visibleLast) return undefined;
    const value = this.#valueOf(index);
    const { entry, hash } = this.#check(index, value);
    return { entry, hash, letGo: () => letGo(value) };
  }

  #read(index: LogIndex): LinkedEntry {
    return this.#check(index, this.#valueOf(index));
  }

  #valueOf(index: LogIndex): Uint8Array {
    const value = this.#holding(index).segment.entryValue(index);
    if (value === undefined) throw entryDamaged(index, "it is missing");
    return value;
  }

  /** Checks the entry by itself, and against the head of its segment where it is one. */
  #check(index: LogIndex, value: Uint8Array): LinkedEntry {
    const linked = decodeStoredEntry(index, value);
    const { head, base } = this.#active.state;
    const known = index === head.index ? head : index === base.index ? base : undefined;
    if (known !== undefined && !equalBytes(linked.hash, known.hash))
      throw entryDamaged(index, "it is not the one that the chain goes through");
    if (linked.entry.term !== this.term(index))
      throw entryDamaged(index, "its term differs from the one recorded for it");
    return linked;
  }

  indexOfSeq(seq: Seq): LogIndex | undefined {
    if (seq > this.lastSeq()) return undefined;
    const { state } = this.#active;
    const holder = seq > state.base.seq ? this.#active : this.#parts.sealed.holdingSeq(seq);
    // Before the first seq that is still here: the oldest batch is the next one.
    const { segment } = holder ?? this.#parts.sealed.oldest() ?? this.#active;
    const ref = segment.batchAtOrBefore(seq) ?? segment.batchesFrom(seq, 1)[0];
    return ref === undefined || ref.index > this.#visibleLast ? undefined : ref.index;
  }

  lastSeq(): Seq {
    this.#assertUsable();
    return this.#active.state.head.seq;
  }

  headHash(): Uint8Array {
    this.#assertUsable();
    return Uint8Array.from(this.#active.state.head.hash);
  }

  diskBytes(): number {
    this.#assertUsable();
    return this.#active.segment.fileBytes() + this.#parts.sealed.fileBytes();
  }

  /** Why the disk takes no writes of this log; undefined while it does. */
  get refusal(): StorageError | undefined {
    return this.#parts.gate.refusal;
  }

  /** Asks a disk that refused whether it still does; at its own pace, however often it is called. Never rejects. */
  async look(): Promise<void> {
    await this.#parts.gate.pass().catch(() => undefined);
  }

  /** What was flushed for sure, also after a failed write; what comes back of the log must hold it. */
  durable(): { readonly index: LogIndex; readonly head: Head; readonly hardState: HardState } {
    const { head, hardState } = this.#active.state;
    return { index: this.#visibleLast, head, hardState };
  }

  async write(cycle: WriteCycle): Promise<void> {
    this.#assertUsable();
    if (this.#writing !== undefined)
      throw new StorageError("ERR_STORAGE_MISUSE", "a write while another one is in the air");
    const writing = this.#write(cycle);
    this.#writing = writing;
    try {
      await writing;
    } finally {
      this.#writing = undefined;
    }
  }

  async #write(cycle: WriteCycle): Promise<void> {
    const { gate, attestor } = this.#parts;
    if (gate.refusal !== undefined) await gate.pass();
    if (this.#active.segment.readOnly) await this.#becomeWritable();
    // Whatever is refused is refused before the first byte is written. Elections and commits go on at the floor: they are small
    // and lead out of it.
    let plan = this.#plan(cycle);
    const { floor } = this.#parts;
    const grows = cycle.entries.some((entry) => entry.kind === "records");
    floor.take(plan.dataBytes, grows ? floor.minFreeBytes : 0);
    const { truncateFrom } = plan;
    if (truncateFrom !== undefined) this.#visibleLast = asIndex(truncateFrom - 1);
    try {
      if (await this.#rolled()) plan = this.#plan(cycle);
      if (truncateFrom !== undefined) {
        const kept = this.#headAt(this.#visibleLast);
        await attestor.beforeTruncation(truncateFrom, this.#active.state, kept);
      }
      await this.#active.segment.commit(plan.write);
      for (const { value } of plan.write.entries) letGo(value);
      await attestor.afterCommit(plan.write.state);
    } catch (cause) {
      // Met before the open segment was touched: the cycle may come again.
      if (isDiskRefusal(cause)) {
        this.#visibleLast = this.#active.state.head.index;
        throw gate.refuse(cause);
      }
      // Met while reading what the cycle builds on: nothing of it was written, and no flush has failed.
      if (cause instanceof StorageError && cause.code === "ERR_ENTRY_DAMAGED") throw cause;
      throw this.#fail(cause);
    }
    if (this.#failure !== undefined) throw this.#failure;
    this.#active = {
      segment: this.#active.segment,
      state: plan.write.state,
      terms: plan.terms,
    };
    this.#visibleLast = plan.write.state.head.index;
    gate.passed();
    attestor.catchUp(plan.write.state);
  }

  #plan(cycle: WriteCycle): CyclePlan {
    return planCycle(
      {
        state: this.#active.state,
        terms: this.#active.terms,
        headAt: (index) => this.#headAt(index),
        batchesFromIndex: (index) => this.#batchesFromIndex(index),
      },
      cycle,
    );
  }

  /** Whether a segment was sealed. Rejects with a refusal when the disk lets no new one be made: the old one is as it was. */
  async #rolled(): Promise<boolean> {
    const old = this.#active;
    const next = await this.#parts.roller.next(old, (index) => this.#headAt(index));
    if (next === undefined) return false;
    this.#parts.sealed.adopt(old);
    this.#active = next;
    return true;
  }

  /** The log was opened on a disk that took no writes. */
  async #becomeWritable(): Promise<void> {
    const { gate, mapBytes, attestor } = this.#parts;
    const { segment, state } = this.#active;
    try {
      await attestor.open();
      segment.assertWritable();
    } catch (cause) {
      const refusal = diskRefusal(cause, segment.path);
      if (refusal === undefined) throw this.#fail(cause);
      throw gate.refuse(refusal);
    }
    try {
      this.#active = { ...this.#active, segment: await segment.reopen(mapBytes) };
      const found = this.#active.segment.stateFrom(state.base.index + 1);
      if (!equalBytes(found.head.hash, state.head.hash))
        throw new Error("the segment changed while it was opened for reading");
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  /** The head as it was at `index` in the active segment. Seqs are dense, so the first batch behind it tells its seq. */
  #headAt(index: LogIndex): Head {
    const { base, head } = this.#active.state;
    if (index === head.index) return head;
    if (index === base.index) return base;
    const { entry, hash } = this.#read(index);
    const next = this.#batchesFromIndex(asIndex(index + 1))[0];
    const seq = next === undefined ? head.seq : asSeq(next.firstSeq - 1);
    return { index, term: entry.term, hash: Uint8Array.from(hash), seq };
  }

  /** Batches of the active segment at or above `index`, ascending; as many as there are entries to be truncated or carried over. */
  #batchesFromIndex(index: LogIndex): readonly BatchRef[] {
    const { segment, state } = this.#active;
    const refs: BatchRef[] = [];
    for (let seq: number = state.head.seq; seq > state.base.seq; ) {
      const ref = segment.batchAtOrBefore(seq);
      if (ref === undefined || ref.index < index) break;
      refs.push(ref);
      seq = ref.firstSeq - 1;
    }
    return refs.reverse();
  }

  /** The first error is final: pages after a failed flush may be marked clean, so a retry could succeed over lost data. */
  #fail(cause: unknown): StorageError {
    this.#failure ??= new StorageError(
      "ERR_STORAGE_FAILED",
      "a write to disk failed; this store takes no further call, the log has to be opened again",
      { cause },
    );
    return this.#failure;
  }

  #assertUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing !== undefined)
      throw new StorageError("ERR_STORAGE_CLOSED", "the log store is closed");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    const failed = this.#failure !== undefined;
    await this.#parts.attestor.close(failed ? undefined : this.#active.state);
    await this.#parts.sealed.close();
    // Closed after a failure, too: LMDB gives the same environment to whoever opens a file again, and a flush must not be repeated on it.
    await this.#active.segment.close();
  }
}
