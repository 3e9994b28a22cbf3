import { asIndex } from "@annals/raft";
import type { Entry, HardState, LogIndex, MembershipState, Snapshot, Term } from "@annals/raft";
import { asSeq, equalBytes } from "@annals/record";
import type { Seq } from "@annals/record";
import type { LogStore, ProducerState, StoredEntry, WriteCycle } from "@annals/replica";
import { planCycle } from "./cyclePlan.ts";
import type { CyclePlan } from "./cyclePlan.ts";
import type { Segment, TermRun } from "./segment.ts";
import type { Head, SegmentState } from "./segmentState.ts";
import { entryDamaged, StorageError } from "./storageError.ts";
import { decodeStoredEntry } from "./storedEntry.ts";
import type { LinkedEntry } from "./storedEntry.ts";
import { termAt } from "./termRuns.ts";

/** `LogStore` on LMDB; made by `openLogStore`. */
export class LmdbLogStore implements LogStore {
  readonly #active: Segment;
  #state: SegmentState;
  #terms: readonly TermRun[];
  /** Reads see nothing above; below `head.index` only while a truncating write is in the air. */
  #visibleLast: LogIndex;
  #failure: StorageError | undefined;
  #writing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(active: Segment, state: SegmentState, terms: readonly TermRun[]) {
    this.#active = active;
    this.#state = state;
    this.#terms = terms;
    this.#visibleLast = state.head.index;
  }

  initialState(): { readonly hardState: HardState; readonly membership: MembershipState } {
    this.#assertUsable();
    return { hardState: this.#state.hardState, membership: this.#state.membership };
  }

  firstIndex(): LogIndex {
    this.#assertUsable();
    return asIndex(this.#state.base.index + 1);
  }

  lastIndex(): LogIndex {
    this.#assertUsable();
    return this.#visibleLast;
  }

  term(index: LogIndex): Term | "compacted" | "unavailable" {
    this.#assertUsable();
    if (index > this.#visibleLast) return "unavailable";
    if (index < this.#state.base.index) return "compacted";
    if (index === this.#state.base.index) return this.#state.base.term;
    const term = termAt(this.#terms, index);
    if (term === undefined) throw entryDamaged(index, "no term is known for it");
    return term;
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
    let bytes = 0;
    let previous: LinkedEntry | undefined;
    for (
      let index: number = from;
      index < to && entries.length < Math.max(1, maxEntries);
      index++
    ) {
      const linked = this.#read(asIndex(index));
      if (previous !== undefined && !equalBytes(previous.hash, linked.previousHash))
        throw entryDamaged(index, "it does not chain to the entry before it");
      bytes += linked.entry.data.length;
      if (entries.length > 0 && bytes > maxBytes) break;
      entries.push(linked.entry);
      previous = linked;
    }
    return entries;
  }

  snapshot(): Snapshot | undefined {
    return undefined;
  }

  appliedIndex(): LogIndex {
    this.#assertUsable();
    return this.#state.appliedIndex;
  }

  producers(): ReadonlyMap<string, ProducerState> {
    this.#assertUsable();
    return this.#active.producers();
  }

  storedEntry(index: LogIndex): StoredEntry | undefined {
    this.#assertUsable();
    if (index < this.firstIndex() || index > this.#visibleLast) return undefined;
    const { entry, hash } = this.#read(index);
    return { entry, hash };
  }

  /** Checks the entry by itself and, at the head, against the head hash. */
  #read(index: LogIndex): LinkedEntry {
    const value = this.#active.entryValue(index);
    if (value === undefined) throw entryDamaged(index, "it is missing");
    const linked = decodeStoredEntry(index, value);
    const { head } = this.#state;
    if (index === head.index && !equalBytes(linked.hash, head.hash))
      throw entryDamaged(index, "it is not the head of the chain");
    if (linked.entry.term !== this.term(index)) throw entryDamaged(index, "its term is another");
    return linked;
  }

  indexOfSeq(seq: Seq): LogIndex | undefined {
    this.#assertUsable();
    if (seq > this.lastSeq()) return undefined;
    const ref = this.#active.batchAtOrBefore(seq) ?? this.#active.batchesFrom(seq, 1)[0];
    return ref === undefined || ref.index > this.#visibleLast ? undefined : ref.index;
  }

  lastSeq(): Seq {
    this.#assertUsable();
    return this.#state.head.seq;
  }

  headHash(): Uint8Array {
    this.#assertUsable();
    return Uint8Array.from(this.#state.head.hash);
  }

  diskBytes(): number {
    this.#assertUsable();
    return this.#active.fileBytes();
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
    const plan = this.#plan(cycle);
    if (plan.truncateFrom !== undefined) this.#visibleLast = asIndex(plan.truncateFrom - 1);
    try {
      await this.#active.commit(plan.write);
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#state = plan.write.state;
    this.#terms = plan.terms;
    this.#visibleLast = plan.write.state.head.index;
  }

  #plan(cycle: WriteCycle): CyclePlan {
    return planCycle(
      {
        state: this.#state,
        terms: this.#terms,
        headAt: (index) => this.#headAt(index),
        batchesFromIndex: (index) => this.#batchesFromIndex(index),
      },
      cycle,
    );
  }

  /** Seqs are dense, so the seq before a place in the log is known from the first batch behind it. */
  #headAt(index: LogIndex): Head {
    const { base, head } = this.#state;
    if (index === head.index) return head;
    if (index === base.index) return base;
    const { entry, hash } = this.#read(index);
    const next = this.#batchesFromIndex(asIndex(index + 1))[0];
    const seq = next === undefined ? head.seq : asSeq(next.firstSeq - 1);
    return { index, term: entry.term, hash, seq };
  }

  #batchesFromIndex(index: LogIndex): ReturnType<Segment["batchesFrom"]> {
    const refs: ReturnType<Segment["batchesFrom"]> = [];
    let before: number = this.#state.head.seq;
    while (before > this.#state.base.seq) {
      const ref = this.#active.batchAtOrBefore(before);
      if (ref === undefined || ref.index < index) break;
      refs.unshift(ref);
      before = ref.firstSeq - 1;
    }
    return refs;
  }

  /** The first error is final: pages after a failed flush may be marked clean, a retry could succeed over lost data. */
  #fail(cause: unknown): StorageError {
    this.#failure ??= new StorageError(
      "ERR_STORAGE_FAILED",
      "a write to disk failed; this store takes no further call, restart the node",
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
    // After a failed commit LMDB may wait for ever in its close; what it holds goes with the process, which must end anyway.
    if (this.#failure === undefined) await this.#active.close();
  }
}
