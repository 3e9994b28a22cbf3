import {
  asIndex,
  asTerm,
  type Entry,
  entryBytes,
  type HardState,
  type LogIndex,
  type LogReader,
  type MembershipState,
  NO_MEMBERS,
  NOBODY,
  type Snapshot,
  type Term,
} from "@annals/raft";

/** An operation that the storage of a transcript refuses; the text is part of transcripts. */
export class MemoryStorageError extends Error {
  override readonly name: string = "MemoryStorageError";
}

/** Stable storage of a node in a transcript: everything written is durable at once and survives a crash of the node. */
export class MemoryStorage implements LogReader {
  /** Overrides what `snapshot` answers; a transcript's state machine has a newer one than the log begins with. */
  snapshotSource: () => Snapshot | undefined = () => this.#snapshot;
  #hardState: HardState = { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) };
  #snapshot: Snapshot | undefined;
  /** The index and term before the first entry: of a snapshot, or the last entry that was compacted away. */
  #base: { index: LogIndex; term: Term } = { index: asIndex(0), term: asTerm(0) };
  #entries: Entry[] = [];

  initialState(): { readonly hardState: HardState; readonly membership: MembershipState } {
    return { hardState: this.#hardState, membership: this.#snapshot?.membership ?? NO_MEMBERS };
  }

  firstIndex(): LogIndex {
    return asIndex(this.#base.index + 1);
  }

  lastIndex(): LogIndex {
    return asIndex(this.#base.index + this.#entries.length);
  }

  term(index: LogIndex): Term | "compacted" | "unavailable" {
    if (index < this.#base.index) return "compacted";
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? "unavailable";
  }

  entries(
    from: LogIndex,
    to: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted" {
    if (from <= this.#base.index) return "compacted";
    const start = from - this.#base.index - 1;
    const wanted = this.#entries.slice(start, to - this.#base.index - 1);
    let bytes = 0;
    const fits = wanted.findIndex((entry, i) => {
      bytes += entryBytes(entry);
      return i > 0 && (bytes > maxBytes || i >= maxEntries);
    });
    return fits < 0 ? wanted : wanted.slice(0, fits);
  }

  allEntries(): readonly Entry[] {
    return this.#entries;
  }

  snapshot(): Snapshot | undefined {
    return this.snapshotSource();
  }

  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** The whole log becomes this snapshot. */
  applySnapshot(snapshot: Snapshot): void {
    if ((this.#snapshot?.lastIncludedIndex ?? 0) >= snapshot.lastIncludedIndex) {
      throw new MemoryStorageError("requested index is older than the existing snapshot");
    }
    this.#snapshot = snapshot;
    this.#base = { index: snapshot.lastIncludedIndex, term: snapshot.lastIncludedTerm };
    this.#entries = [];
  }

  /** Appends, dropping whatever is at or after the first index; entries that are compacted already are skipped. */
  append(entries: readonly Entry[]): void {
    const fresh = entries.filter((entry) => entry.index > this.#base.index);
    const [first] = fresh;
    if (first === undefined) return;
    const keep = first.index - this.#base.index - 1;
    if (keep > this.#entries.length) {
      throw new MemoryStorageError(
        `missing log entry [last: ${this.lastIndex()}, append at: ${first.index}]`,
      );
    }
    this.#entries = [...this.#entries.slice(0, keep), ...fresh];
  }

  /** Drops everything up to and including `index`. */
  compact(index: number): void {
    if (index <= this.#base.index) {
      throw new MemoryStorageError("requested index is unavailable due to compaction");
    }
    if (index > this.lastIndex()) {
      throw new MemoryStorageError(
        `compact ${index} is out of bound lastindex(${this.lastIndex()})`,
      );
    }
    const last = this.#entries[index - this.#base.index - 1];
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index: asIndex(index), term: last?.term ?? asTerm(0) };
  }

  /**
   * The state machine stands at `state`, unless a snapshot that was installed is newer: what `initialState` answers from now on. Returns
   * the applied index by it.
   */
  recordApplied(state: Snapshot): LogIndex {
    const installed = this.#snapshot;
    if (installed === undefined || installed.lastIncludedIndex < state.lastIncludedIndex) {
      this.#snapshot = state;
    }
    return this.#snapshot?.lastIncludedIndex ?? asIndex(0);
  }
}
