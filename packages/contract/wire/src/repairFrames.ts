import type { Entry, LogIndex, Term } from "@annals/raft";

/** On a repair link: the dialler lacks the entries from `from` up to `to`. One is answered before the next is asked. */
export interface FetchFrame {
  readonly kind: "fetch";
  readonly from: LogIndex;
  readonly to: LogIndex;
}

/** The answer: entries without a gap, the first one at `from`; none when the first one is not here or damaged here, too. */
export interface PageFrame {
  readonly kind: "page";
  readonly from: LogIndex;
  /** The chain hash of the entry before the first one; undefined when that is not known there. */
  readonly previousHash?: Uint8Array | undefined;
  /** The term in which the answerer leads the log, 0 when it does not. */
  readonly leads: Term;
  /** Up to here the answerer's log is committed. */
  readonly commitIndex: LogIndex;
  readonly entries: readonly Entry[];
}
