import { invariant } from "./invariant.ts";
import type { TraceBuffer } from "./traceBuffer.ts";
import {
  asIndex,
  type Entry,
  type EntryId,
  type LogIndex,
  type Snapshot,
  type Term,
} from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];

/**
 * The end of the log that is not known to be durable: entries, and a snapshot that replaces the log. It serves reads for what storage
 * may not show yet, from the moment of appending until storage has said that the write is done. Entry i has index offset + i.
 * The offset may be at or below the last index in storage: then the write that is due truncates storage first.
 */
export class Unstable {
  readonly #traces: TraceBuffer;
  #entries: Entry[] = [];
  #offset: LogIndex;
  /** Entries below were handed to storage. Invariant: offset ≤ handedTo ≤ offset + number of entries. */
  #handedTo: LogIndex;
  #snapshot: Snapshot | undefined;
  #snapshotHanded = false;

  constructor(offset: LogIndex, traces: TraceBuffer) {
    this.#offset = offset;
    this.#handedTo = offset;
    this.#traces = traces;
  }

  get offset(): LogIndex {
    return this.#offset;
  }

  get handedTo(): LogIndex {
    return this.#handedTo;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** The snapshot that replaces the log, handed to storage or not. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** The entries that storage was not given yet. */
  nextEntries(): readonly Entry[] {
    return this.#entries.slice(this.#handedTo - this.#offset);
  }

  hasNextEntries(): boolean {
    return this.#entries.length > this.#handedTo - this.#offset;
  }

  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotHanded ? undefined : this.#snapshot;
  }

  /** Everything here was given to storage. */
  accept(): void {
    this.#handedTo = asIndex(this.#offset + this.#entries.length);
    this.#snapshotHanded = this.#snapshot !== undefined;
  }

  /** Entries in [from, to), all of which must be here. */
  slice(from: LogIndex, to: LogIndex): readonly Entry[] {
    invariant(
      this.#offset <= from && from <= to && to <= this.#offset + this.#entries.length,
      `unstable [${from}, ${to}) is not within [${this.#offset}, ${this.#offset + this.#entries.length})`,
    );
    return this.#entries.slice(from - this.#offset, to - this.#offset);
  }

  /** Appends contiguous entries; from the first one's index on they replace what was here. The caller has checked that this is allowed. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const end = this.#offset + this.#entries.length;
    invariant(first.index <= end, `appended ${first.index} leaves a gap after ${end - 1}`);
    if (first.index < end) {
      if (first.index <= this.#offset) {
        this.#traces.emit({ kind: "unstableReplaced", index: first.index });
        this.#entries = [];
        this.#offset = first.index;
        this.#handedTo = first.index;
      } else {
        this.#traces.emit({ kind: "unstableTruncated", index: first.index });
        this.#entries = this.#entries.slice(0, first.index - this.#offset);
        if (this.#handedTo > first.index) this.#handedTo = first.index;
      }
    }
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The whole log becomes this snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = asIndex(snapshot.lastIncludedIndex + 1);
    this.#handedTo = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotHanded = false;
  }

  /**
   * Entries up to `last` are durable and no write under way will replace them: the caller attests that, see `AppendTicket.term`.
   * A completion that no longer fits what is here says nothing and is ignored. Returns the entries that are no longer kept here.
   */
  stableTo(last: EntryId): readonly Entry[] {
    const term = this.#termAt(last.index);
    if (term === undefined) {
      this.#traces.emit({ kind: "stableMissing", index: last.index });
    } else if (last.index < this.#offset) {
      this.#traces.emit({ kind: "stableIsSnapshot", index: last.index });
    } else if (term !== last.term) {
      this.#traces.emit({
        kind: "stableMismatch",
        index: last.index,
        term: last.term,
        found: term,
      });
    } else {
      const count = last.index + 1 - this.#offset;
      const released = this.#entries.slice(0, count);
      this.#entries = this.#entries.slice(count);
      this.#offset = asIndex(last.index + 1);
      if (this.#handedTo < this.#offset) this.#handedTo = this.#offset;
      return released;
    }
    return NO_ENTRIES;
  }

  snapshotStableTo(index: LogIndex): void {
    if (this.#snapshot?.lastIncludedIndex !== index) return;
    this.#snapshot = undefined;
    this.#snapshotHanded = false;
  }

  #termAt(index: LogIndex): Term | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    return this.#snapshot?.lastIncludedIndex === index
      ? this.#snapshot.lastIncludedTerm
      : undefined;
  }
}
