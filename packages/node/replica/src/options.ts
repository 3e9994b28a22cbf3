import type { GaugeReading, Ledger } from "@annals/flow";
import type { LogIndex, MemberId, RaftStatus, Role, Term, Trace } from "@annals/raft";
import type { AnnalsError, Attachments, ProducerStamp, Seq } from "@annals/record";
import type { ReplicaConfig } from "./config.ts";
import type { Divergence, Histories } from "./divergence.ts";
import type { StampClock, StampsAhead } from "./stampClock.ts";
import type { BlobHolder, Clock, LogStore, PeerTransport, RandomBelow } from "./ports.ts";

/** Why a message of a peer was not taken. Nothing of it was stored, and the log goes on without it. */
export interface PeerRefusal {
  readonly code: "ERR_PEER_MESSAGE";
  /** A sentence for the log. */
  readonly reason: string;
}

export interface ReplicaOptions {
  readonly self: MemberId;
  readonly config: ReplicaConfig;
  readonly store: LogStore;
  readonly blobs: BlobHolder;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly randomBelow: RandomBelow;
  /** What batches are stamped by. Default: the own wall clock, as a node without peers judges it. */
  readonly stamps?: StampClock;
  /** The node of a member, as `stamps` knows it: whose clock is wrong is handed no leadership. Default: nobody is known. */
  readonly nodeOf?: (member: MemberId) => string | undefined;
  readonly events: ReplicaEvents;
  /** How differences between histories are confirmed and kept. Default: messages that tell of one are refused, and that is all. */
  readonly histories?: Histories;
  /** The member whose copy of the log was kept when the one here was given up, until that copy is here. Default: nothing was given up. */
  readonly emptiedFor?: MemberId;
  /** What this replica, when it leads, does with a batch before it is proposed: the same batch, smaller. Default: nothing. */
  readonly compress?: (batch: Uint8Array) => Uint8Array;
  /** The gauges of the thread, which this replica's report to. */
  readonly ledger?: Ledger;
}

/** What a replica tells its host. Called inside a turn: handlers only take note. */
export interface ReplicaEvents {
  readonly onRole: (role: Role, leader: MemberId, term: Term) => void;
  /** The leadership that `onRole` told of takes requests from now on: what was derived from the log is exact. */
  readonly onTakesRequests?: (term: Term) => void;
  /** A committed `command` entry was applied. After a restart commands above the stored applied index come again. */
  readonly onCommand: (index: LogIndex, data: Uint8Array) => void;
  readonly onTrace: (trace: Trace) => void;
  /**
   * A message was refused that no replica sends which keeps to the protocol. `from` is the member at the other end of the link where that
   * is known, else the one that the message names. The links of that member should be closed: the log goes on without them.
   */
  readonly onRefused: (from: MemberId, refusal: PeerRefusal) => void;
  /** This leader hands over to another member, because most clocks contradict its own. */
  readonly onClockHandOver?: (to: MemberId) => void;
  /** The replica has stopped for good: its history and another member's cannot both be right. It is durable; local reads go on. */
  readonly onDiverged?: (divergence: Divergence) => void;
  /** The replica has left all votes and acks for good, and the process should end (fail-stop). */
  readonly onFailed: (error: AnnalsError) => void;
}

export interface AppendRequest {
  /** One stored record each, checked at the edge; at least one. */
  readonly records: readonly Uint8Array[];
  /** Which of them name which blobs. Default: none does. */
  readonly attachments?: Attachments;
  readonly stamp: ProducerStamp | undefined;
  readonly timeoutMs: number;
}

export interface ReplicaStatus {
  readonly raft: RaftStatus;
  readonly appliedSeq: Seq;
  readonly pendingBytes: GaugeReading;
  readonly headHash: Uint8Array;
  readonly diskBytes: number;
  /** The oldest write is older than an election timeout: nothing leaves this replica until it ends. */
  readonly stalled: boolean;
  readonly diskFull: boolean;
  /** Set when this replica has stopped because its history differs from another member's, and that is durable. */
  readonly diverged: Divergence | undefined;
  readonly producers: number;
  /** Cycles of the writer that were flushed since this replica began. */
  readonly flushes: number;
  /** Messages of peers that were refused since this replica began, see `ReplicaEvents.onRefused`. */
  readonly refusedMessages: number;
  /** The stamp of the last record is ahead of the time by more than a clock may differ: every stamp is the same until it has passed. */
  readonly stampsAhead: StampsAhead | undefined;
  /** How often leadership was handed over because the own clock is wrong, since this replica began. */
  readonly clockHandOvers: number;
}
