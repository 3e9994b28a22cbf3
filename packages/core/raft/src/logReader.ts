import type { Entry, HardState, LogIndex, MembershipState, Snapshot, Term } from "./types.ts";

/**
 * The synchronous view of what storage holds durably or has accepted in order. Entries that are not yet durable are served from
 * the core's own memory, so steady replication reads no disk.
 */
export interface LogReader {
  /** Read once, when a core is made. */
  initialState(): { readonly hardState: HardState; readonly membership: MembershipState };
  /** The first index that can be read; last + 1 when the log is empty. */
  firstIndex(): LogIndex;
  /** 0 for an empty log. */
  lastIndex(): LogIndex;
  /** The term of the entry at `index` in [first − 1, last]; "compacted" below, "unavailable" above. */
  term(index: LogIndex): Term | "compacted" | "unavailable";
  /** Entries in [from, to), as many as fit the caps, always at least one. Caller ensures first ≤ from < to ≤ last + 1. */
  entries(
    from: LogIndex,
    to: LogIndex,
    maxBytes: number,
    maxEntries: number,
  ): readonly Entry[] | "compacted";
  /** The newest snapshot, or undefined while it is being made. */
  snapshot(): Snapshot | undefined;
}
