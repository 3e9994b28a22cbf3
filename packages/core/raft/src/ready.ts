import type { Message } from "./message.ts";
import type { Trace } from "./trace.ts";
import type { Entry, HardState, LogIndex, MemberId, Snapshot, Term } from "./types.ts";

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/**
 * One write that storage is asked for. Tickets are written strictly in order; any number may be merged into one
 * transaction. When it is durable the driver calls `appendDone(ticket)` and only then sends `afterDurable`.
 */
export interface AppendTicket {
  /** Rises by one a ticket within the life of a core. */
  readonly number: number;
  /** The hard state to store, when it changed. */
  readonly hardState: HardState | undefined;
  /** Contiguous. If the first index is at or below the last stored one, storage first drops everything from there on. */
  readonly entries: readonly Entry[];
  /** Replaces the whole log, before `entries`. */
  readonly snapshot: Snapshot | undefined;
  /** False only when nothing but the commit index changed: then no flush is owed. */
  readonly mustSync: boolean;
  /** Acks and votes that may not leave before this write is durable; those addressed to this member are stepped back in by `appendDone`. */
  readonly afterDurable: readonly Message[];
  /** The term in which the ticket was made: a completion from an older term attests nothing about the log (ABA). */
  readonly term: Term;
  /** The last entry of the log when the ticket was made; undefined when nothing was unstable. */
  readonly lastEntry: { readonly index: LogIndex; readonly term: Term } | undefined;
}

export interface ReadState {
  /** The context given to `readIndex`. */
  readonly context: number;
  /** A state machine that has applied this index serves the read linearizably. */
  readonly index: LogIndex;
}

/** What one drain hands out. Every field may be empty; `hasReady()` tells whether a drain would give anything. */
export interface Ready {
  /** Set when the role or the known leader changed. */
  readonly soft: { readonly role: Role; readonly leader: MemberId } | undefined;
  /** May leave at once, in order. */
  readonly messages: readonly Message[];
  readonly append: AppendTicket | undefined;
  /** Committed entries to apply, in order; acknowledged by `applyDone`. */
  readonly apply: readonly Entry[];
  readonly reads: readonly ReadState[];
  /** What happened, for logs, transcripts and the simulator. */
  readonly traces: readonly Trace[];
}
