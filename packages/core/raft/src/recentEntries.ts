import { entryBytes } from "./entrySize.ts";
import { asIndex, type Entry, type LogIndex } from "./types.ts";

const NO_ENTRIES: readonly Entry[] = [];

/**
 * Entries that became durable and were not handed out for applying yet, so that steady replication reads nothing back from the disk.
 * Contiguous. Bounded in bytes: the oldest are forgotten first, and are read from storage then.
 */
export class RecentEntries {
  readonly #bytesMax: number;
  #entries: readonly Entry[] = NO_ENTRIES;
  #first: LogIndex = asIndex(0);
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Remembers entries that follow the ones that are here; if they do not follow, only them. */
  push(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    const follows = this.#entries.length > 0 && first.index === this.#first + this.#entries.length;
    if (!follows) this.clear();
    for (const entry of entries) this.#bytes += entryBytes(entry);
    this.#first = follows ? this.#first : first.index;
    this.#entries = follows ? [...this.#entries, ...entries] : entries;
    if (this.#bytes > this.#bytesMax) this.#shrink();
  }

  /** Entries in [from, to); undefined unless all of them are here. */
  slice(from: LogIndex, to: LogIndex): readonly Entry[] | undefined {
    if (from < this.#first || to > this.#first + this.#entries.length) return undefined;
    return this.#entries.slice(from - this.#first, to - this.#first);
  }

  /** Entries up to `index` are needed no longer. */
  dropUpTo(index: LogIndex): void {
    this.#keep(index + 1 - this.#first, this.#entries.length);
  }

  /** Entries from `index` on are gone from the log. */
  truncateFrom(index: LogIndex): void {
    this.#keep(0, index - this.#first);
  }

  clear(): void {
    this.#entries = NO_ENTRIES;
    this.#bytes = 0;
  }

  #shrink(): void {
    let dropped = 0;
    let { bytes } = this;
    while (bytes > this.#bytesMax) {
      const entry = this.#entries[dropped];
      if (entry === undefined) break;
      bytes -= entryBytes(entry);
      dropped += 1;
    }
    this.#keep(dropped, this.#entries.length);
  }

  #keep(from: number, to: number): void {
    if (this.#entries.length === 0 || (from <= 0 && to >= this.#entries.length)) return;
    if (from >= to) {
      this.clear();
      return;
    }
    const start = Math.max(from, 0);
    this.#entries = this.#entries.slice(start, to);
    this.#first = asIndex(this.#first + start);
    this.#bytes = 0;
    for (const entry of this.#entries) this.#bytes += entryBytes(entry);
  }
}
