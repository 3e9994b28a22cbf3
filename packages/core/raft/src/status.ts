import type { ProgressStatus } from "./progress.ts";
import type { EmptiedStatus } from "./emptied.ts";
import type { Raft } from "./raft.ts";
import type { RecoveryStatus } from "./recovery.ts";
import type { Role } from "./ready.ts";
import type { LogIndex, MemberId, MembershipState, Term } from "./types.ts";

/** A consistent copy of what an operator wants to know of a member. */
export interface RaftStatus {
  readonly id: MemberId;
  readonly role: Role;
  /** 0 if none is known. */
  readonly leader: MemberId;
  readonly term: Term;
  readonly votedFor: MemberId;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  readonly commitIndex: LogIndex;
  readonly applied: LogIndex;
  /** In force, that is as of the applied index. */
  readonly membership: MembershipState;
  /** Ascending by id; empty unless this is the leader. */
  readonly progress: readonly ProgressStatus[];
  /** What others remember of this member; undefined where it has nobody to ask. */
  readonly recovery: RecoveryStatus | undefined;
  /** What an emptied log waits for; undefined for one that is whole. */
  readonly emptied: EmptiedStatus | undefined;
  /** Whom leadership is being handed to; 0 for nobody. */
  readonly transferee: MemberId;
  /** Payload bytes proposed here that count against `maxUncommittedBytes`. */
  readonly uncommittedBytes: number;
  /** Reads that wait for a quorum, or for the first commit of the term. */
  readonly readsWaiting: number;
}

export function statusOf(raft: Raft): RaftStatus {
  const leads = raft.role === "leader";
  return {
    id: raft.id,
    role: raft.role,
    leader: raft.leader,
    term: raft.term,
    votedFor: raft.votedFor,
    firstIndex: raft.log.firstIndex,
    lastIndex: raft.log.lastIndex,
    commitIndex: raft.log.committed,
    applied: raft.log.applied,
    membership: raft.tracker.membership,
    progress: leads ? raft.tracker.members.map((progress) => progress.status()) : [],
    recovery: raft.recovery?.status(raft.log.lastId()),
    emptied: raft.emptied?.status(),
    transferee: raft.transferee,
    uncommittedBytes: raft.uncommittedBytes,
    readsWaiting: raft.pendingReads.length + raft.readOnly.waiting,
  };
}
