import {
  asIndex,
  asTerm,
  type Entry,
  type HardState,
  type LogIndex,
  type MembershipState,
  NOBODY,
  type Snapshot,
  type Term,
} from "../../src/types.ts";
import { entryBytes } from "../../src/entrySize.ts";
import { type LogReader } from "../../src/logReader.ts";
import { NO_MEMBERS } from "../../src/membership.ts";
import { type AppendTicket } from "../../src/ready.ts";

/** Storage for tests of the core: what is written is durable, and reads show it at once. */
export class MemoryLog implements LogReader {
  hardState: HardState = { term: asTerm(0), votedFor: NOBODY, commitIndex: asIndex(0) };
  membership: MembershipState = NO_MEMBERS;
  /** What `snapshot` answers. */
  snapshotSource: () => Snapshot | undefined = () => this.#installed;
  #installed: Snapshot | undefined;
  /** Reads of entries so far. */
  reads = 0;
  #base = { index: asIndex(0), term: asTerm(0) };
  #entries: Entry[] = [];

  initialState(): { readonly hardState: HardState; readonly membership: MembershipState } {
    return { hardState: this.hardState, membership: this.membership };
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
    this.reads += 1;
    if (from <= this.#base.index) return "compacted";
    const taken: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#entries.slice(
      from - this.#base.index - 1,
      to - this.#base.index - 1,
    )) {
      bytes += entryBytes(entry);
      if (taken.length > 0 && (bytes > maxBytes || taken.length >= maxEntries)) break;
      taken.push(entry);
    }
    return taken;
  }

  snapshot(): Snapshot | undefined {
    return this.snapshotSource();
  }

  all(): readonly Entry[] {
    return this.#entries;
  }

  write(ticket: AppendTicket): void {
    if (ticket.hardState !== undefined) this.hardState = ticket.hardState;
    if (ticket.snapshot !== undefined) this.install(ticket.snapshot);
    this.append(ticket.entries);
  }

  append(entries: readonly Entry[]): void {
    const [first] = entries;
    if (first === undefined) return;
    const keep = first.index - this.#base.index - 1;
    if (keep < 0 || keep > this.#entries.length) throw new Error(`cannot append at ${first.index}`);
    this.#entries = [...this.#entries.slice(0, keep), ...entries];
  }

  install(snapshot: Snapshot): void {
    this.#base = { index: snapshot.lastIncludedIndex, term: snapshot.lastIncludedTerm };
    this.#entries = [];
    this.membership = snapshot.membership;
    this.#installed = snapshot;
  }

  /** Drops everything up to and including `index`. */
  compact(index: number): void {
    const last = this.#entries[index - this.#base.index - 1];
    if (last === undefined) throw new Error(`cannot compact to ${index}`);
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index: last.index, term: last.term };
  }
}
