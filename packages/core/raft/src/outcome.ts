import type { LogIndex } from "./types.ts";

/**
 * Why a message was refused. Members that keep to the protocol, on disks that keep what they were given, cause only the first five:
 * `notForUs`: addressed to somebody else. `unknownMember`: a response from someone who is no member (any more). `applying`: a snapshot
 * cannot be taken before what was handed out for applying is applied; it will be sent again. `proposalDropped`: a forwarded proposal was
 * not accepted. `awaitsKept`: this log was emptied, and the message is not of the member whose copy was kept, nor of a leader that is
 * known to have that copy.
 *
 * `forgedSender`: it claims to come from this member or from nobody. `malformed`: its parts do not fit together, or a number is out of
 * range. `secondLeader`: an append in a term that this member leads. `termLeap`: a term that no series of elections leads to.
 * `answerToNothing`: it answers an append that this leader has not sent, such as one beyond the end of its log. `commitBeyondEnd`: a leader
 * believes that this member has what it does not have. `conflictsWithCommitted`: another entry in the place of one that is committed here.
 * `historyDiffers`: another chain hash at an index and term that are here, too: the logs differ at or before it.
 * `badEntry`: an entry that could not be applied once it is committed.
 */
export type StepRefusal =
  | "notForUs"
  | "unknownMember"
  | "applying"
  | "proposalDropped"
  | "awaitsKept"
  | "forgedSender"
  | "malformed"
  | "secondLeader"
  | "termLeap"
  | "answerToNothing"
  | "commitBeyondEnd"
  | "conflictsWithCommitted"
  | "historyDiffers"
  | "badEntry";

/** What became of a message. A refused one changed nothing. */
export type StepOutcome =
  | { readonly kind: "ok" }
  | { readonly kind: "refused"; readonly reason: StepRefusal };

/** Why a proposal was not taken; nothing was appended. Only `malformed` cannot succeed later. */
export type ProposalDropReason =
  | "noLeader"
  | "forwardingDisabled"
  | "transferring"
  | "uncommittedLimit"
  | "notMember"
  | "malformed";

/** Why a membership change was appended as an empty entry instead. */
export type ChangeRefusal = "pending" | "jointNeedsLeaving" | "notJoint" | "impossible";

export type ProposeOutcome =
  | {
      /** Appended to the leader's log, here. Committed when these very entries, by index *and* term, are handed out for applying. */
      readonly kind: "accepted";
      readonly firstIndex: LogIndex;
      readonly lastIndex: LogIndex;
      /** Set when a membership change among the entries cannot be made now: an empty entry took its place. */
      readonly refusedChange: ChangeRefusal | undefined;
    }
  /** Sent to the leader; nobody says what becomes of it. */
  | { readonly kind: "forwarded" }
  | { readonly kind: "dropped"; readonly reason: ProposalDropReason };

export type ReadOutcome =
  /** The answer comes in `Ready.reads`, or never: a change of role, leader or term drops what waits. Ask again with a new context. */
  { readonly kind: "ok" } | { readonly kind: "dropped"; readonly reason: "noLeader" | "tooMany" };

export type ForgetOutcome =
  | { readonly kind: "ok" }
  /** A follower that forgets its leader breaks the lease that lease reads stand on. */
  | { readonly kind: "refused"; readonly reason: "leaseReads" };

export const OK: { readonly kind: "ok" } = { kind: "ok" };
