import type { LogIndex } from "./types.ts";

/**
 * What became of a message. Refused messages changed nothing. `notForUs`: addressed to somebody else. `forgedSender`: it claims to come
 * from this member or from nobody. `unknownMember`: a response from someone who is no member (any more). `malformed`: the parts do not
 * fit together. `applying`: a snapshot cannot be taken before what was handed out for applying is applied; it will be sent again.
 * `secondLeader`: an append in a term that this member leads. `proposalDropped`: a forwarded proposal was not accepted.
 */
export type StepOutcome =
  | { readonly kind: "ok" }
  | {
      readonly kind: "refused";
      readonly reason:
        | "notForUs"
        | "forgedSender"
        | "unknownMember"
        | "malformed"
        | "applying"
        | "secondLeader"
        | "proposalDropped";
    };

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
