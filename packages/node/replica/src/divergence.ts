import { type Entry, type LogIndex, type MemberId, type Role, type Term } from "@annals/raft";
import { equalBytes } from "@annals/record";

/** One entry as one replica has it. */
export interface HistoryClaim {
  readonly index: number;
  readonly term: number;
  /** Chain hash, 64 lower-case hexadecimal digits. */
  readonly hash: string;
  /** Up to here the replica knows its log to be committed. */
  readonly commitIndex: number;
}

/** Why a replica has stopped for good: another member proved a history that cannot be together with the one here. */
export interface Divergence {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Undefined when this replica has no entry at that index, although it led the log. */
  readonly own: HistoryClaim | undefined;
  readonly other: HistoryClaim & { readonly member: number };
}

/** What a member says of its entry at an index, over a link that this node dialled. Untrusted as any answer, but nobody else's word. */
export interface HistoryProof {
  readonly previousHash: Uint8Array;
  readonly entry: Entry;
  /** Up to here its log is committed. */
  readonly commitIndex: LogIndex;
  /** The term in which it leads the log, 0 when it does not. */
  readonly leads: Term;
}

/** Where suspicions are confirmed and what came of them is kept. */
export interface Histories {
  /** As it was saved by an earlier life of this replica. */
  readonly known: Divergence | undefined;
  /** Asks the member itself. Settles in bounded time, never rejects. */
  readonly confirm: (member: MemberId, index: LogIndex) => Promise<HistoryProof | "unavailable">;
  /** Resolves when it is durable. */
  readonly save: (divergence: Divergence) => Promise<void>;
}

/** Where this replica stands when a proof comes in. */
export interface OwnHistory {
  readonly role: Role;
  readonly commitIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** At the index of the proof; undefined when there is no entry. */
  readonly at: { readonly term: Term; readonly hash: Uint8Array } | undefined;
}

/**
 * Whether the two histories cannot both come from disks that kept what they were given. Any of three will do: two entries of one term at
 * one index; two committed ones, or a committed one and another one of a leader of a later term; a committed one that the leader, which is
 * this replica, does not have.
 */
export function provesDivergence(own: OwnHistory, proof: HistoryProof, hash: Uint8Array): boolean {
  const { entry, commitIndex, leads } = proof;
  const { index, term } = entry;
  const committedThere = index <= commitIndex;
  if (own.at === undefined) return own.role === "leader" && committedThere && index > own.lastIndex;
  if (equalBytes(own.at.hash, hash)) return false;
  if (own.at.term === term) return true;
  const committedHere = index <= own.commitIndex;
  if (committedThere) return committedHere || own.role === "leader";
  return committedHere && leads > own.at.term;
}
