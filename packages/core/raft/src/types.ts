/** The words of the Raft paper as types. Everything here is plain data: it crosses threads, disks and wires. */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A term (Raft §5.1). Made only by `asTerm`. */
export type Term = Brand<number, "Term">;

/** A position in the Raft log; the first entry has index 1, 0 means "before the log". Made only by `asIndex`. */
export type LogIndex = Brand<number, "LogIndex">;

/**
 * One member of a Raft group: the incarnation that a node drew when it started on an empty disk, so a wiped node never
 * comes back as the same voter. A positive safe integer; 0 is nobody. Made only by `asMemberId`.
 */
export type MemberId = Brand<number, "MemberId">;

/** Terms and indexes stay below 2^53 by so much that adding to one never leaves the safe integers. */
export const TERM_MAX: number = 2 ** 52;
export const INDEX_MAX: number = 2 ** 52;

function asSafe(value: number, what: string, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max)
    throw new RangeError(`${what} ${value} is no integer in [0, ${max}]`);
  return value;
}

export function asTerm(value: number): Term {
  return asSafe(value, "term", TERM_MAX) as Term;
}

export function asIndex(value: number): LogIndex {
  return asSafe(value, "index", INDEX_MAX) as LogIndex;
}

export function asMemberId(value: number): MemberId {
  return asSafe(value, "member id", Number.MAX_SAFE_INTEGER) as MemberId;
}

/** Nobody: no vote given, no leader known. */
export const NOBODY: MemberId = asMemberId(0);

/**
 * What an entry carries. `records`: a batch of audit records; `noop`: the empty entry by which a leader begins its term;
 * `membership`: an encoded `MembershipChange`; `command`: a small replicated command. The core looks only into `membership`.
 */
export type EntryKind = "noop" | "records" | "membership" | "command";

/** The place of an entry in the hash chain: the hash of the entry before it, and its own, which covers that one. */
export interface ChainLink {
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
}

/** One slot of the Raft log. `data` is encoded once and shared by disk, wire and hash: nobody may write to it. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly data: Uint8Array;
  /** Set by the log that holds the entry, when it takes it; what another member's entry says here is not looked at. */
  readonly link?: ChainLink;
}

/** Identifies an entry: by the log matching property, equal ids mean equal logs up to there (Raft §5.3). */
export interface EntryId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** State that must be durable before anything that depends on it leaves the node (Raft Fig. 2, plus commit). */
export interface HardState {
  readonly term: Term;
  readonly votedFor: MemberId;
  readonly commitIndex: LogIndex;
}

/** The membership as of an applied index; what a snapshot and a fresh log carry. Ids ascending in every list. */
export interface MembershipState {
  readonly voters: readonly MemberId[];
  /** The outgoing voters while the configuration is joint, else empty. */
  readonly votersOutgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** Outgoing voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly MemberId[];
  /** Whether the leader leaves the joint configuration by itself. */
  readonly autoLeave: boolean;
}

export interface SnapshotMeta {
  readonly lastIncludedIndex: LogIndex;
  readonly lastIncludedTerm: Term;
  readonly membership: MembershipState;
}

export interface Snapshot extends SnapshotMeta {
  readonly data: Uint8Array;
}

export type MembershipOp = "addVoter" | "addLearner" | "remove" | "update";

/**
 * How a change with several steps goes through: `auto` uses joint consensus only when it must and leaves it by itself,
 * `jointImplicit` always uses it and leaves by itself, `jointExplicit` waits to be told.
 */
export type MembershipTransition = "auto" | "jointImplicit" | "jointExplicit";

/** A membership change (thesis §4). Without steps it leaves a joint configuration. */
export interface MembershipChange {
  /** 1: the one-step form, 2: the general form. They differ in their encoding only. */
  readonly format: 1 | 2;
  readonly transition: MembershipTransition;
  readonly steps: readonly { readonly op: MembershipOp; readonly member: MemberId }[];
  /** Opaque to the core; carried to whoever applies the entry. */
  readonly context: Uint8Array;
}
