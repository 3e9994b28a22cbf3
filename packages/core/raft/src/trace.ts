import type { Message } from "./message.ts";
import type { ProgressStatus } from "./progress.ts";
import type { RolledBack } from "./recovery.ts";
import type {
  LogIndex,
  MemberId,
  MembershipChange,
  MembershipState,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** A vote, or its rehearsal. */
export type VoteKind = "vote" | "preVote";

/** The ends of two logs that a vote compares, and where the voter stands. */
interface VoteScene {
  readonly vote: VoteKind;
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
  readonly votedFor: MemberId;
  readonly candidate: MemberId;
  readonly candidateLastIndex: LogIndex;
  readonly candidateLastTerm: Term;
  /** The voter's own term. */
  readonly term: Term;
}

type ElectionTrace =
  | ({ readonly kind: "rolledBack" } & RolledBack)
  | {
      readonly kind: "filled";
      readonly kept: MemberId;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | {
      readonly kind: "started";
      readonly voters: readonly MemberId[];
      readonly term: Term;
      readonly commitIndex: LogIndex;
      readonly applied: LogIndex;
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
    }
  | {
      readonly kind: "becameFollower" | "becamePreCandidate" | "becameCandidate" | "becameLeader";
      readonly term: Term;
    }
  | {
      readonly kind: "campaignRefused";
      readonly reason: "leader" | "unpromotable" | "pendingChange";
      readonly term: Term;
    }
  | { readonly kind: "electionStarted"; readonly term: Term }
  | {
      readonly kind: "voteRequested";
      readonly vote: VoteKind;
      readonly to: MemberId;
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
      readonly term: Term;
    }
  | {
      readonly kind: "voteReceived";
      readonly vote: VoteKind;
      readonly from: MemberId;
      readonly granted: boolean;
      readonly term: Term;
    }
  | {
      readonly kind: "votesTallied";
      readonly vote: VoteKind;
      readonly granted: number;
      readonly rejected: number;
    }
  | ({ readonly kind: "voteCast" | "voteRejected" } & VoteScene)
  /** A leader was heard from within the election timeout: the request is ignored without an answer. */
  | ({ readonly kind: "voteIgnored"; readonly remainingTicks: number } & VoteScene)
  | {
      readonly kind: "termRaised";
      readonly by: Message["kind"];
      readonly from: MemberId;
      readonly oldTerm: Term;
      readonly term: Term;
    }
  | {
      readonly kind: "staleMessage";
      readonly message: Message["kind"];
      readonly from: MemberId;
      readonly messageTerm: Term;
      readonly term: Term;
    }
  | { readonly kind: "quorumLost" }
  | { readonly kind: "leaderForgotten"; readonly leader: MemberId; readonly term: Term }
  | { readonly kind: "forgetLeaderRefused" };

type TransferTrace =
  | {
      readonly kind: "transferStarted" | "transferRepeated" | "transferAborted";
      readonly to: MemberId;
      readonly term: Term;
    }
  | {
      readonly kind: "transferRefused";
      readonly reason: "learner" | "self" | "noLeader";
      readonly term: Term;
    }
  /** `caughtUp`: the successor acknowledged the last entry just now; else it had it from the beginning. */
  | { readonly kind: "timeoutNowSent"; readonly to: MemberId; readonly caughtUp: boolean }
  | { readonly kind: "timeoutNowReceived"; readonly from: MemberId; readonly term: Term }
  | {
      readonly kind: "timeoutNowIgnored";
      readonly from: MemberId;
      readonly term: Term;
      readonly role: "candidate" | "preCandidate";
    };

type ReplicationTrace =
  | {
      readonly kind: "appendRejected";
      readonly from: MemberId;
      readonly index: LogIndex;
      readonly term: Term;
      /** The term here at `index`, 0 if there is none. */
      readonly ownTerm: Term;
    }
  | {
      readonly kind: "rejectionReceived";
      readonly from: MemberId;
      readonly index: LogIndex;
      readonly hintIndex: LogIndex;
      readonly hintTerm: Term;
    }
  | { readonly kind: "progressDecreased"; readonly progress: ProgressStatus }
  | { readonly kind: "memberUnreachable"; readonly progress: ProgressStatus }
  | { readonly kind: "memberUnknown"; readonly member: MemberId }
  | {
      readonly kind: "conflictFound";
      readonly index: LogIndex;
      readonly existing: Term;
      readonly conflicting: Term;
    }
  | {
      readonly kind:
        | "unstableReplaced"
        | "unstableTruncated"
        | "stableMissing"
        | "stableIsSnapshot";
      readonly index: LogIndex;
    }
  | {
      readonly kind: "stableMismatch";
      readonly index: LogIndex;
      readonly term: Term;
      readonly found: Term;
    }
  | { readonly kind: "staleAppendDone"; readonly ticketTerm: Term; readonly term: Term };

type SnapshotTrace =
  | {
      readonly kind: "snapshotSkipped";
      readonly to: MemberId;
      readonly reason: "inactive" | "unavailable";
    }
  | {
      readonly kind: "snapshotSent";
      readonly firstIndex: LogIndex;
      readonly commitIndex: LogIndex;
      readonly index: LogIndex;
      readonly term: Term;
      readonly before: ProgressStatus;
      readonly after: ProgressStatus;
    }
  | { readonly kind: "snapshotRecovered"; readonly progress: ProgressStatus }
  | { readonly kind: "snapshotReported"; readonly ok: boolean; readonly progress: ProgressStatus }
  | {
      readonly kind: "restoreStarted";
      readonly committed: LogIndex;
      readonly applied: LogIndex;
      readonly applying: LogIndex;
      readonly unstableOffset: LogIndex;
      readonly unstableHandedTo: LogIndex;
      readonly unstableCount: number;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | {
      readonly kind: "snapshotRestored" | "snapshotFastForwarded";
      readonly commitIndex: LogIndex;
      readonly lastIndex: LogIndex;
      readonly lastTerm: Term;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | {
      readonly kind: "snapshotTaken" | "snapshotIgnored";
      readonly commitIndex: LogIndex;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | { readonly kind: "snapshotForeign"; readonly meta: SnapshotMeta };

type ProposalTrace =
  | {
      readonly kind: "proposalDropped";
      readonly reason: "noLeader" | "transferring" | "uncommittedLimit" | "forwardingDisabled";
      readonly term: Term;
      /** The leader, or the member that leadership is being transferred to. */
      readonly other: MemberId;
    }
  | { readonly kind: "readDropped"; readonly term: Term }
  | {
      readonly kind: "changeRefused";
      readonly change: MembershipChange;
      readonly membership: MembershipState;
      readonly reason: "pending" | "jointNeedsLeaving" | "notJoint" | "impossible";
      readonly pendingIndex: LogIndex;
      readonly applied: LogIndex;
    }
  | { readonly kind: "membershipSwitched"; readonly membership: MembershipState }
  | {
      readonly kind: "autoLeaveProposed" | "autoLeaveDropped";
      readonly membership: MembershipState;
    }
  | { readonly kind: "tracesDropped"; readonly count: number };

/** What happened inside the core. The core never logs: the replica turns these into lines, the simulator into transcripts. */
export type Trace =
  | ElectionTrace
  | TransferTrace
  | ReplicationTrace
  | SnapshotTrace
  | ProposalTrace;
