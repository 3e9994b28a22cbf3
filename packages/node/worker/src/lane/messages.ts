import type {
  AppendReply,
  GroupAnswers,
  GroupCondition,
  GroupRequest,
  ProducerStanding,
  RecordContentType,
} from "@annals/api";
import { MOVED_BYTES_MIN } from "@annals/channel";
import type { MovableBody, PlainError } from "@annals/channel";
import type { NodeConfig } from "@annals/config";
import type { FamilyReading, GaugeReading } from "@annals/flow";
import type { ReadQuery, ReadReply } from "@annals/query";
import type { MemberId, RaftStatus, Role } from "@annals/raft";
import type { ProducerStamp } from "@annals/record";
import type { ClockSample, Divergence, StampsAhead } from "@annals/replica";
import type { EmptiedMark, LogEnd } from "@annals/storage";
import type { LogDecision, LogSchema } from "@annals/system";
import type { StreamReading } from "@annals/transport";

/** What every worker is started with. */
export interface WorkerSetup {
  readonly config: NodeConfig;
  readonly clusterId: string;
  readonly fingerprint: string;
  readonly self: MemberId;
  /** It is for a log that keeps ending its workers. */
  readonly isolated: boolean;
  /** Heap of the thread. */
  readonly heapBytes: number;
}

export interface PeerAddress {
  readonly member: MemberId;
  readonly node: string;
  /** `host:port`. */
  readonly address: string;
}

/**
 * What the control link to a node says of it: it answers again; it has dropped, so long after the last sign of life; or it is down because
 * nobody listens there.
 */
export type PeerChange =
  | { readonly kind: "back" }
  | { readonly kind: "silent" | "gone"; readonly silentMs: number };

/** A question to a hosted log; answered by one `reply`. */
export type WorkerRequest =
  | {
      readonly op: "append";
      readonly contentType: RecordContentType;
      readonly body: MovableBody;
      readonly stamp: ProducerStamp | undefined;
      readonly timeoutMs: number;
    }
  | { readonly op: "read"; readonly query: ReadQuery; readonly timeoutMs: number }
  | { readonly op: "producer"; readonly id: string }
  | { readonly op: "group"; readonly request: GroupRequest }
  /** Resolves once everything committed anywhere is applied here. */
  | { readonly op: "barrier"; readonly timeoutMs: number }
  | { readonly op: "command"; readonly data: Uint8Array }
  | { readonly op: "transfer"; readonly to: MemberId | undefined }
  | { readonly op: "status" }
  /** What is in the copy here. */
  | { readonly op: "copy" }
  /** What the gauges of the whole worker say; of no log. */
  | { readonly op: "memory" };

/** What each kind of question is answered with. */
export interface WorkerReplies {
  readonly append: AppendReply;
  readonly read: ReadReply;
  readonly producer: ProducerStanding;
  readonly group: GroupAnswers[GroupRequest["op"]];
  readonly barrier: undefined;
  /** Index of the applied entry. */
  readonly command: number;
  /** Whom leadership is handed to; undefined when there is nobody, or this replica does not lead. */
  readonly transfer: MemberId | undefined;
  readonly status: HostedLogStatus;
  readonly copy: HostedCopy;
  readonly memory: WorkerMemory;
}

export interface WorkerMemory {
  readonly gauges: Readonly<Record<string, FamilyReading>>;
  /** How often something was paused, by the kind of reason. */
  readonly pauses: Readonly<Record<string, number>>;
}

export interface HostedCopy {
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly lastSeq: number;
  readonly commitIndex: number;
  readonly headHash: string;
  readonly diverged: Divergence | undefined;
  readonly parted: LogEnd | undefined;
  /** Whose copy this one waits for, which was emptied. */
  readonly emptied: EmptiedMark | undefined;
}

export interface HostedLogStatus {
  readonly raft: RaftStatus;
  readonly firstSeq: number;
  readonly appliedSeq: number;
  readonly headHash: string;
  readonly diskBytes: number;
  readonly pendingBytes: GaugeReading;
  readonly stalled: boolean;
  readonly diskFull: boolean;
  /** What the system says when it lets nothing be written, with its errno and the path. */
  readonly diskRefusal: string | undefined;
  /** Set when the replica has stopped because its history and another member's cannot both be right. */
  readonly diverged: Divergence | undefined;
  readonly flushes: number;
  /** Messages of peers that no node sends which keeps to the protocol: each was refused, and its link closed. */
  readonly refusedMessages: number;
  /** Set while the stamp of the last record is ahead of the time. */
  readonly stampsAhead: StampsAhead | undefined;
  /** How often the log was handed over because this node's clock is wrong. */
  readonly clockHandOvers: number;
  /** How often a blob could not be saved here or handed to a follower; each is tried again. */
  readonly blobsNotSaved: number;
  /** What this node has sent to followers since it opened the log. */
  readonly sent: readonly { readonly member: MemberId; readonly reading: StreamReading }[];
  /** The groups of the log, if it is led here. */
  readonly groups: readonly GroupCondition[];
  /** Reasons for which inbound data links of this log are paused, by the member that streams. */
  readonly paused: readonly { readonly member: MemberId; readonly reasons: readonly string[] }[];
}

/** How far the repair of a damaged log is. */
export interface RepairNote {
  /** What was found, for the log and the status. */
  readonly what: string;
  /** The entries that are asked for now; undefined while nothing is. */
  readonly entries: { readonly from: number; readonly to: number } | undefined;
  /** Whether every peer was asked for them in vain. */
  readonly missing: boolean;
}

export type ToWorker =
  /** Who the members are, this node included. Comes first, and again after every change. */
  | { readonly kind: "members"; readonly members: readonly PeerAddress[] }
  | {
      readonly kind: "open";
      readonly logId: number;
      readonly name: string;
      readonly voters: readonly MemberId[];
      /** Stand for election first: this node is the likely leader of a log that was just created. */
      readonly campaign: boolean;
      readonly schemas: readonly LogSchema[];
      /** The latest one for the log. */
      readonly decision: LogDecision | undefined;
      /** Its files were read a moment ago, and are clean. */
      readonly scanned: boolean;
    }
  /** Somebody has decided which copy of a log is kept, or a member has carried it out. */
  | { readonly kind: "decision"; readonly logId: number; readonly decision: LogDecision }
  /** What the records of a log are judged by from now on. */
  | { readonly kind: "schemas"; readonly logId: number; readonly schemas: readonly LogSchema[] }
  | { readonly kind: "peer"; readonly node: string; readonly change: PeerChange }
  /** What the clock of another node has answered. */
  | { readonly kind: "clock"; readonly node: string; readonly sample: ClockSample }
  | {
      readonly kind: "control";
      readonly logId: number;
      /** The member whose control link has brought it. */
      readonly from: MemberId;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly kind: "linkOpened";
      readonly linkId: number;
      readonly logId: number;
      readonly from: MemberId;
      readonly epoch: number;
      readonly purpose: "data" | "repair";
    }
  | { readonly kind: "linkFrame"; readonly linkId: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "linkClosed"; readonly linkId: number }
  /** The scrub has found that the log is damaged. */
  | { readonly kind: "damage"; readonly logId: number; readonly what: string }
  | {
      readonly kind: "request";
      readonly id: number;
      readonly logId: number;
      readonly request: WorkerRequest;
    }
  | { readonly kind: "shutdown" };

export type FromWorker =
  /** The thread has come up. Said once, before anything else. */
  | { readonly kind: "running" }
  | { readonly kind: "opened"; readonly logId: number }
  /** What was committed when the log was opened is applied; or, with `progress` false, nothing moves and others may go first. */
  | { readonly kind: "caughtUp"; readonly logId: number; readonly progress: boolean }
  | { readonly kind: "openFailed"; readonly logId: number; readonly error: PlainError }
  /** The log is damaged and closed until it is whole again: nobody here votes or acknowledges for it. */
  | { readonly kind: "repairing"; readonly logId: number; readonly note: RepairNote }
  /** The log is closed while what was decided for it is carried out. */
  | { readonly kind: "resolving"; readonly logId: number; readonly keep: string }
  /** A decision for the log was carried out on the copy of this node. */
  | { readonly kind: "resolved"; readonly logId: number; readonly decision: number }
  /** The system does not let the log be opened, and is asked again; undefined when it does. */
  | { readonly kind: "refused"; readonly logId: number; readonly reason: string | undefined }
  /** What this disk has promised for the log is not known any more. */
  | { readonly kind: "unusable"; readonly logId: number; readonly what: string }
  /** Fail-stop: the storage of a log failed. */
  | { readonly kind: "failed"; readonly logId: number; readonly error: PlainError }
  | {
      readonly kind: "control";
      readonly to: MemberId;
      readonly logId: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | {
      readonly kind: "linkSend";
      readonly linkId: number;
      readonly frames: readonly Uint8Array<ArrayBuffer>[];
    }
  | {
      readonly kind: "linkReleased";
      readonly linkId: number;
      readonly bytes: number;
      readonly frames: number;
    }
  | {
      readonly kind: "linkFault";
      readonly linkId: number;
      readonly code: string;
      readonly reason: string;
    }
  /** A member has sent what it may not: its links have to go. */
  | {
      readonly kind: "peerFault";
      readonly member: MemberId;
      readonly code: string;
      readonly reason: string;
    }
  | {
      readonly kind: "role";
      readonly logId: number;
      readonly role: Role;
      readonly leader: MemberId;
      readonly term: number;
      /** The replica stands still, and says so to whoever asks for more than reads. */
      readonly diverged: boolean;
    }
  | { readonly kind: "command"; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: "reply"; readonly id: number; readonly value: unknown }
  /** The reply to an append. */
  | { readonly kind: "appended"; readonly id: number; readonly reply: AppendReply }
  | { readonly kind: "error"; readonly id: number; readonly error: PlainError }
  | {
      readonly kind: "line";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly fields: Readonly<Record<string, unknown>>;
      readonly text: string;
    };

/** The buffer of bulk bytes that have it to themselves. */
function owned({ byteLength, buffer }: Uint8Array): readonly ArrayBuffer[] {
  const moves = byteLength >= MOVED_BYTES_MIN && byteLength === buffer.byteLength;
  return moves && buffer instanceof ArrayBuffer ? [buffer] : [];
}

/** The buffers of a message that move to the other thread instead of being copied. */
export function toWorkerTransferables(message: ToWorker): readonly ArrayBuffer[] {
  switch (message.kind) {
    case "linkFrame":
      return owned(message.bytes);
    case "request":
    // Bodies of appends cross by themselves.
    case "members":
    case "open":
    case "schemas":
    case "decision":
    case "peer":
    case "clock":
    case "control":
    case "linkOpened":
    case "linkClosed":
    case "damage":
    case "shutdown":
      return [];
    default:
      return message satisfies never;
  }
}

export function fromWorkerTransferables(message: FromWorker): readonly ArrayBuffer[] {
  if (message.kind !== "reply") return [];
  const body = (message.value as { body?: unknown } | undefined)?.body;
  return body instanceof Uint8Array ? owned(body) : [];
}

/** Of the roles of a log only the last one matters to the gateway. */
export function fromWorkerKey(message: FromWorker): string | undefined {
  return message.kind === "role" ? `role ${message.logId}` : undefined;
}

/** A busy gateway misses lines of the log; how many is told. */
export function fromWorkerLossy(message: FromWorker): boolean {
  return message.kind === "line";
}
