import type {
  AppendReply,
  ClusterStatus,
  CopyInfo,
  DecisionInfo,
  GroupAnswers,
  GroupRequest,
  LogInfo,
  NodeHealth,
  ProducerStanding,
  RecordContentType,
  ResolveRequest,
  SchemaInfo,
} from "@annals/api";
import type { MovableBody } from "@annals/channel";
import type { ReadQuery, ReadReply } from "@annals/query";
import type { ProducerStamp } from "@annals/record";
import type { BlobFiles } from "@annals/replica";

/**
 * What the HTTP API asks of a node. The gateway implements it over its workers; the API knows nothing of Raft, storage or threads.
 * Every method rejects with an `AnnalsError`, whose code `problem.ts` turns into a status.
 */
export interface NodeService {
  /**
   * Appends one request to a log whose leader is here; resolves when all its records are committed. Rejects with
   * `ERR_OUTCOME_UNKNOWN` when `timeoutMs` passes first: the records may or may not become part of
   * the log. A large body moves to the log's worker, and cannot be passed on afterwards.
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
  /** Throws ERR_SCHEMA_INVALID unless the text is a schema that records can be judged by. */
  assertSchema(schema: string): void;
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

export interface AppendRequest {
  readonly contentType: RecordContentType;
  /** As received and not looked at: untrusted. */
  readonly body: MovableBody;
  readonly producer: ProducerStamp | undefined;
  /** Milliseconds until the outcome is reported as unknown. */
  readonly timeoutMs: number;
}

export type ForwardTarget =
  | { readonly kind: "local" }
  /** `address` is `host:port`. */
  | { readonly kind: "remote"; readonly node: string; readonly address: string }
  /** No leader is known now. */
  | { readonly kind: "none" };
