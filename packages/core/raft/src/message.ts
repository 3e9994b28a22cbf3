import type { Entry, EntryId, EntryKind, LogIndex, MemberId, Snapshot, Term } from "./types.ts";

interface Envelope {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

/** AppendEntries (Raft §5.3). `entries` may be empty: a probe, or news of the commit index. */
export interface AppendEntries extends Envelope {
  readonly kind: "appendEntries";
  readonly prevLogIndex: LogIndex;
  readonly prevLogTerm: Term;
  /** The chain hash at `prevLogIndex`; absent only between cores that keep none. */
  readonly prevLogHash?: Uint8Array | undefined;
  readonly leaderCommit: LogIndex;
  readonly entries: readonly Entry[];
}

export interface AppendEntriesResponse extends Envelope {
  readonly kind: "appendEntriesResponse";
  /** Accepted: the last index now matching. Rejected: the `prevLogIndex` that did not match. */
  readonly index: LogIndex;
  readonly rejected: boolean;
  /** On rejection the follower's best guess at where the logs agree, and the term there. */
  readonly hintIndex: LogIndex;
  readonly hintTerm: Term;
}

/** RequestVote, or its rehearsal that raises no term (thesis §9.6). */
export interface RequestVote extends Envelope {
  readonly kind: "requestVote" | "requestPreVote";
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  /** Set in a leadership transfer: the follower lease does not apply. */
  readonly transfer: boolean;
}

export interface RequestVoteResponse extends Envelope {
  readonly kind: "requestVoteResponse" | "requestPreVoteResponse";
  readonly rejected: boolean;
  /** The last entry that the voter knows to be committed: news to a candidate that missed it (etcd issue 12359). */
  readonly committed: EntryId;
}

export interface Heartbeat extends Envelope {
  readonly kind: "heartbeat";
  readonly commitIndex: LogIndex;
  /** The chain hash at `commitIndex`; absent only between cores that keep none. */
  readonly commitHash?: Uint8Array | undefined;
  /** The newest unconfirmed read of the leader, 0 for none (thesis §6.4). */
  readonly readToken: number;
}

/** Where a log stands, with the chain hash there. */
export interface HistoryPoint {
  readonly index: LogIndex;
  readonly hash: Uint8Array;
}

export interface HeartbeatResponse extends Envelope {
  readonly kind: "heartbeatResponse";
  /** What the follower knows to be committed, which its leader must have, too; absent only between cores that keep no hashes. */
  readonly committed?: HistoryPoint | undefined;
  readonly readToken: number;
}

export interface InstallSnapshot extends Envelope {
  readonly kind: "installSnapshot";
  readonly snapshot: Snapshot;
}

/** The leader tells its successor to campaign at once (thesis §3.10). */
export interface TimeoutNow extends Envelope {
  readonly kind: "timeoutNow";
}

/** A follower asks the leader for a read index; `context` comes back unread and must be unique at the asker. */
export interface ReadIndexRequest extends Envelope {
  readonly kind: "readIndex";
  readonly context: number;
}

export interface ReadIndexResponse extends Envelope {
  readonly kind: "readIndexResponse";
  readonly context: number;
  readonly index: LogIndex;
}

/** A follower passes a request for transfer on to the leader. */
export interface TransferLeadership extends Envelope {
  readonly kind: "transferLeadership";
  readonly transferee: MemberId;
}

/** A follower passes proposals on to the leader, unless forwarding is off. Index and term of the entries are not yet set. */
export interface Propose extends Envelope {
  readonly kind: "propose";
  readonly entries: readonly { readonly kind: EntryKind; readonly data: Uint8Array }[];
}

/** A member that has started asks the others what they remember of it, and says where its log ends. `context` comes back unread. */
export interface Recovery extends Envelope {
  readonly kind: "recovery";
  readonly context: number;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
}

export interface RecoveryResponse extends Envelope {
  readonly kind: "recoveryResponse";
  readonly context: number;
  /** The end of the answerer's log, and what it knows to be committed. */
  readonly last: EntryId;
  readonly committed: EntryId;
  /**
   * In the last term in which the answerer led and the asker acknowledged something: up to where, 0 for never; and the entry which the
   * answerer has there, or its last one.
   */
  readonly acknowledged: {
    readonly term: Term;
    readonly index: LogIndex;
    readonly entry: EntryId;
  };
}

/** Everything that one member may send to another. Plain data. Untrusted until `wire` has checked it. */
export type Message =
  | AppendEntries
  | AppendEntriesResponse
  | RequestVote
  | RequestVoteResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow
  | ReadIndexRequest
  | ReadIndexResponse
  | TransferLeadership
  | Propose
  | Recovery
  | RecoveryResponse;
