import type { ReadQuery, ReadReply } from "@annals/query";
import type { ProducerStamp } from "@annals/record";
import type { BlobFiles, Divergence } from "@annals/replica";
import type { LogEnd } from "@annals/storage";
import type { StreamReading } from "@annals/transport";
import type { GroupAnswers, GroupCondition, GroupRequest } from "./groupService.ts";

/**
 * What the HTTP API asks of a node. The gateway implements it over its workers; the API knows nothing of Raft, storage or threads.
 * Every method rejects with an `AnnalsError`, whose code `http/problem.ts` turns into a status.
 */
export interface NodeService {
  /**
   * Appends one request to a log whose leader is here; resolves when all its records are committed. Rejects with
   * `ERR_OUTCOME_UNKNOWN` when `timeoutMs` passes first: the records may or may not become part of the log. A large body moves, with the
   * buffer that it is a view of: nobody else uses that, and afterwards the caller's array is empty.
   */
  append(log: string, request: AppendRequest): Promise<AppendReply>;
  /** Where a request that needs the leader of `log` has to go now. `_system` for the creation of logs. */
  forwardTarget(log: string): ForwardTarget | Promise<ForwardTarget>;
  /** Reads one page; runs in the log's worker, which builds the bytes of the answer. */
  read(log: string, query: ReadQuery): Promise<ReadReply>;
  /** Where an idempotent producer stands, and how it may begin anew. */
  producer(log: string, id: string): Promise<ProducerStanding>;
  /** Runs a request about the groups of a log whose leader is here. */
  group<Op extends GroupRequest["op"]>(
    log: string,
    request: GroupRequest & { readonly op: Op },
  ): Promise<GroupAnswers[Op]>;
  /** The blobs of a log that are on this node, as files. */
  blobs(log: string): Promise<BlobFiles>;
  logs(): Promise<readonly LogInfo[]>;
  createLog(name: string): Promise<LogInfo>;
  /** The schemas of a log that are in force. */
  schemas(log: string): Promise<readonly SchemaInfo[]>;
  /** Sets or, with undefined, removes the schema of an action; needs the leader of `_system`. */
  setSchema(log: string, action: string, schema: string | undefined): Promise<SchemaInfo>;
  /** The copy of a log on this node, for somebody who has to choose one. */
  copy(log: string): Promise<CopyInfo>;
  /**
   * Decides that the copy of one node is kept, of a log that has diverged; needs the leader of `_system`. Resolves when that is on record;
   * each node carries it out by itself. Rejects with ERR_RESOLVE_OFFLINE, ERR_LOG_NOT_DIVERGED, ERR_COPY_UNAVAILABLE, ERR_DECISION_OPEN.
   */
  resolveLog(log: string, request: ResolveRequest): Promise<DecisionInfo>;
  cluster(): Promise<ClusterStatus>;
  /** Hands the leadership of a log to node `to`, or to the most caught-up follower; resolves when this node has ceased to lead. */
  transferLeadership(log: string, to: string | undefined): Promise<void>;
  health(): NodeHealth;
}

/** The log in which the cluster keeps its own state. */
export const SYSTEM_LOG = "_system";

export const RECORD_CONTENT_TYPES = [
  "application/json",
  "application/x-ndjson",
  "application/msgpack",
] as const;
export type RecordContentType = (typeof RECORD_CONTENT_TYPES)[number];

export interface AppendRequest {
  readonly contentType: RecordContentType;
  /** As received and not looked at: untrusted. */
  readonly body: Uint8Array;
  readonly producer: ProducerStamp | undefined;
  /** Milliseconds until the outcome is reported as unknown. */
  readonly timeoutMs: number;
}

export interface AppendReply {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  /** The producer had sent this request before; these are the seqs of the first time. */
  readonly duplicate: boolean;
  /** Versions of the schemas that records were judged by, by action. Absent when none was. */
  readonly schemas?: Readonly<Record<string, number>>;
}

export type ForwardTarget =
  | { readonly kind: "local" }
  /** `address` is `host:port`. */
  | { readonly kind: "remote"; readonly node: string; readonly address: string }
  /** No leader is known now. */
  | { readonly kind: "none" };

/** What `data` of the records of an action must be. */
export interface SchemaInfo {
  readonly action: string;
  /** Counts every change, removals too. */
  readonly version: number;
  /** Null when it was removed. */
  readonly schema: unknown;
}

export interface ProducerStanding {
  /** Undefined if the log does not know the producer, or not any more. */
  readonly latest: ProducerInfo | undefined;
  /** The epoch in which it may begin with request 1 now. */
  readonly nextEpoch: number;
}

export interface ProducerInfo {
  readonly id: string;
  readonly epoch: number;
  /** The latest request of the epoch, and the seqs it was given. */
  readonly sequence: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/**
 * Whether the node that answers can serve a log from its own copy. `opening`: it is not open yet. `repairing`: its copy is damaged and
 * closed until it is whole again. `diverged`: its copy and another one cannot both be right, and it stands still. `silent`: it is open and
 * did not answer.
 */
export type LogState = "open" | "opening" | "repairing" | "diverged" | "silent";

export interface LogInfo {
  readonly name: string;
  readonly state: LogState;
  /** Why the log is not open, in plain words; undefined when it is. */
  readonly reason: string | undefined;
  /** 1 more than lastSeq in an empty log. Like `lastSeq` and `diskBytes` it is undefined unless the log is open. */
  readonly firstSeq: number | undefined;
  /** Seq of the last committed record; 0 for none. */
  readonly lastSeq: number | undefined;
  /** Node id of the leader, as far as this node knows. */
  readonly leader: string | undefined;
  readonly diskBytes: number | undefined;
}

export interface ResolveRequest {
  /** The node whose copy is kept. */
  readonly keep: string;
  /** Who decides. */
  readonly by: string;
}

/** What was decided for a log that has diverged. */
export interface DecisionInfo {
  /** Index of its command in `_system`. */
  readonly decision: number;
  readonly keep: string;
  readonly by: string;
  /** RFC 3339. */
  readonly at: string;
  /** Nodes that have not carried it out, as far as `_system` says. */
  readonly waitsFor: readonly string[];
}

/** A log on one node; what is in it is undefined unless it is open. */
export interface CopyInfo {
  readonly node: string;
  readonly log: string;
  readonly state: LogState;
  readonly reason: string | undefined;
  readonly lastIndex: number | undefined;
  readonly lastTerm: number | undefined;
  readonly lastSeq: number | undefined;
  readonly commitIndex: number | undefined;
  readonly headHash: string | undefined;
  /** Set when the replica stands still: what parts it from another member. */
  readonly diverged: Divergence | undefined;
  /** From where the copies are known to part to the end of this one. */
  readonly parted: LogEnd | undefined;
  /** The node for whose copy this one was emptied, until it has that. */
  readonly emptiedFor: string | undefined;
  /** The latest one for the log; `carriedOut`: on this copy. */
  readonly decision: (DecisionInfo & { readonly carriedOut: boolean }) | undefined;
}

export interface ClusterStatus {
  /** Its name, which other clusters may have, too. */
  readonly cluster: string;
  /** Drawn at birth: no other cluster has it. Undefined until then. */
  readonly clusterId: string | undefined;
  /** The node that answers. */
  readonly node: string;
  readonly version: string;
  readonly nodes: readonly NodeStatus[];
  readonly logs: readonly LogStatus[];
  /** How often links from peers ended here, by the code of their reason. */
  readonly linkFaults: Readonly<Record<string, number>>;
  readonly clock: ClockStatus;
  /** Worker threads of the answering node that ended without being asked to. */
  readonly workerRestarts: number;
  /** Its worker threads that run now; empty until its cluster is born. */
  readonly workers: readonly WorkerStatus[];
  /** What the answering node holds in memory; undefined until its cluster is born. */
  readonly memory: MemoryStatus | undefined;
  /** The last time that the answering node has read and checked everything that it stores; no time before the first one. */
  readonly scrub: {
    readonly finishedAt: string | undefined;
    readonly logs: number;
    readonly damaged: number;
  };
  /** Groups of the logs that the answering node leads: those that are stuck, then those furthest behind; at most 256. */
  readonly groups: readonly GroupStatus[];
  /** Whatever is wrong, in plain words; empty when all is well. */
  readonly reasons: readonly string[];
}

export interface GroupStatus extends GroupCondition {
  readonly log: string;
}

/** What a node holds and may hold. Rows are those of docs/bounds.md that have a gauge. */
export interface MemoryStatus {
  /** `memory.limit`. */
  readonly limit: number;
  /** Sum of all bounds with each at its cap and one item beyond. */
  readonly worstBytes: number;
  /** Sum of what the rows hold now. */
  readonly accountedBytes: number;
  /** The resident set of the process. */
  readonly rssBytes: number;
  /** Bounds that did not hold at some time, each a bug, as the status saw it; empty. */
  readonly violations: readonly string[];
  readonly rows: readonly MemoryRow[];
  /** How often reading or decoding was paused, by the kind of reason; of a worker that ended, as often as it had said by then. */
  readonly pauses: Readonly<Record<string, number>>;
}

export interface MemoryRow {
  readonly name: string;
  /** Of `cap`, `item`, `current`, `peak` and `largest`. */
  readonly unit: "bytes" | "count";
  /** How many of it this node has. */
  readonly count: number;
  /** Of one of them, and the item that may cross it. */
  readonly cap: number;
  readonly item: number;
  readonly worstBytes: number;
  /** What all of them hold now, and held at most. */
  readonly current: number;
  readonly peak: number;
  /** The most that a single one ever held: at most `cap` and `item`. */
  readonly largest: number;
}

/** A worker thread of the answering node. */
export interface WorkerStatus {
  readonly id: number;
  /** It is there for logs that keep ending their workers. */
  readonly isolated: boolean;
  readonly logs: readonly string[];
  /** Those of them that take a place of `workers.maxCatchUps`. */
  readonly catchingUp: readonly string[];
  /** Seconds for which the thread's event loop had work, since the thread began. */
  readonly busySeconds: number;
}

/** What keeps a log on a worker of its own, on the answering node. */
export interface IsolationStatus {
  /** Workers that ended with it in the last ten minutes. */
  readonly deaths: number;
  /** Why the last of them ended. */
  readonly reason: string;
  /** False while it is one of several suspects. */
  readonly known: boolean;
  /** Milliseconds until it is tried again; undefined while it runs or has only its turn to wait for. */
  readonly retryInMs: number | undefined;
}

export interface NodeStatus {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly reachable: boolean;
  /** Process id on its machine, when it is known. */
  readonly pid: number | undefined;
  /** Why the link to it is closed, when it is. */
  readonly reason: string | undefined;
  /** Undefined for one whose clock was not heard of in the last ten seconds. */
  readonly clock: NodeClock | undefined;
}

/** A node's clock as the answering node sees it. */
export interface NodeClock {
  /** What it shows minus what the clock of the answering node does, in ms. */
  readonly offsetMs: number;
  /** The offset may be wrong by so much. */
  readonly uncertaintyMs: number;
  /** It is further from the median of all than `clock.maxSkew`. */
  readonly off: boolean;
}

/** The clock of the answering node. */
export interface ClockStatus {
  /**
   * `agreed`: it keeps to the median of those that are heard of. `off`: most others contradict it. `disputed`: no majority agrees. `alone`:
   * nobody else is heard of, so nobody can know. `jumped`: it has left the monotonic clock, and nobody can confirm that.
   */
  readonly state: "agreed" | "off" | "disputed" | "alone" | "jumped";
  /** Records are stamped with another time than this clock shows. */
  readonly held: boolean;
  /** What records are stamped with minus what the clock shows, in ms. */
  readonly stampOffsetMs: number;
  /** How far the clock is ahead of the median, in ms; undefined where no majority agrees. */
  readonly offsetMs: number | undefined;
  readonly uncertaintyMs: number | undefined;
}

export interface LogStatus {
  readonly name: string;
  readonly leader: string | undefined;
  readonly term: number;
  /** Leaders that came since the answering node began, one a term, as far as it has heard. */
  readonly elections: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** Of the last entry that the answering node has, committed or not. */
  readonly lastIndex: number;
  readonly lastSeq: number;
  /** Chain hash of the last stored entry of the answering node, in hex. */
  readonly headHash: string | undefined;
  readonly replicas: readonly ReplicaStatus[];
  /** Bytes admitted and not yet committed on the answering node. */
  readonly pendingBytes: number;
  /** Writes that the answering node has flushed since it opened the log. */
  readonly flushes: number;
  /** Attachments that could not be handed over, as a follower or to one, since the log was opened here; each is tried again. */
  readonly blobsNotSaved: number;
  /** Set when the replica of the answering node stands still: what parts it from another member. */
  readonly diverged: Divergence | undefined;
  /** The latest one that was made for the log. */
  readonly decision: DecisionInfo | undefined;
  /** How often the answering node has handed the log over because its clock is wrong, since it opened the log. */
  readonly clockHandOvers: number;
  /** Set while the log is isolated on the answering node. */
  readonly isolation: IsolationStatus | undefined;
}

export interface ReplicaStatus {
  readonly node: string;
  readonly role: "leader" | "follower" | "candidate" | "learner" | "unknown";
  /** Known on the leader only. */
  readonly matchIndex: number | undefined;
  /** Names of the reasons for which the replica's data link is paused. */
  readonly paused: readonly string[];
  /** What the answering node has sent to it, as a leader, since it opened the log; undefined if nothing. */
  readonly sent: StreamReading | undefined;
}

export interface NodeHealth {
  /** False: restart the process. */
  readonly live: boolean;
  /** False: send no requests now. */
  readonly ready: boolean;
  readonly reasons: readonly string[];
}
