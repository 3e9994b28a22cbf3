import type { LaneKey, ProducerStamp } from "@annals/record";

/** Where a group begins or goes on: at the first record, behind the last, behind a seq, or at the first record of a time (RFC 3339). */
export type GroupStart = "first" | "end" | number | (string & {});

/** One audit record as it is appended. Free data goes under `data`. */
export interface AuditRecord {
  readonly actor: {
    readonly id: string;
    readonly type?: string;
    readonly [field: string]: unknown;
  };
  readonly action: string;
  /** When it happened, by the client's clock; RFC 3339. */
  readonly time?: string;
  readonly targets?: readonly {
    readonly id: string;
    readonly type?: string;
    readonly [field: string]: unknown;
  }[];
  readonly outcome?: "success" | "failure" | "denied" | "unknown";
  readonly tenant?: string;
  readonly context?: Readonly<Record<string, unknown>>;
  readonly changes?: readonly {
    readonly path: string;
    readonly before?: unknown;
    readonly after?: unknown;
  }[];
  readonly attachments?: readonly {
    readonly sha256: string;
    readonly bytes?: number;
    readonly mediaType?: string;
  }[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly id?: string;
}

/** A record as it is read. */
export interface StoredRecord extends AuditRecord {
  /** Its place in the log: 1, 2, 3 … without gaps. */
  readonly seq: number;
  /** When the leader recorded it; never falls within a log. */
  readonly recordedAt: string;
}

/** A body that is encoded already. */
export interface EncodedRecords {
  readonly contentType: "application/json" | "application/x-ndjson" | "application/msgpack";
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface AppendOptions extends CallOptions {
  /** Makes repeats harmless: with it, an append is tried again also when its outcome is unknown. */
  readonly producer?: ProducerStamp | undefined;
  /** Milliseconds after which the server reports the outcome of one attempt as unknown; at most 60 000. */
  readonly timeoutMs?: number | undefined;
}

export interface AppendReply {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly count: number;
  /** The producer had sent this request before; these are the seqs of the first time. */
  readonly duplicate: boolean;
  /** Versions of the log's schemas that records were judged by, by action. Absent when none was. */
  readonly schemas?: Readonly<Record<string, number>>;
}

/** What to read; all of it must hold. */
export interface Query {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Recorded at this time or later, RFC 3339. */
  readonly since?: string | undefined;
  /** Recorded before this time, RFC 3339. */
  readonly until?: string | undefined;
  readonly actor?: string | undefined;
  /** The whole action, or its beginning as in `file.*`. An asterisk of the action itself is `\*`. */
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly tenant?: string | undefined;
  /** Only this lane, such as `0/4`: number 0 of 4. Records are split by the hash of a key, so each key stays in one lane. */
  readonly lane?: string | undefined;
  /** What of a record its lane is found by: the actor (default), the first target, or the tenant. */
  readonly laneKey?: LaneKey | undefined;
  /** Records in one page, at most 10 000. */
  readonly limit?: number | undefined;
  /** `next` of an earlier page of the same query. */
  readonly cursor?: string | undefined;
  readonly order?: "asc" | "desc" | undefined;
  /** `linearizable` (default): current, confirmed by a quorum. `local`: what the asked node has. */
  readonly consistency?: "linearizable" | "local" | undefined;
  /** Milliseconds to wait for a first record when there is none yet; at most 60 000. */
  readonly waitMs?: number | undefined;
}

/** Where a subscription begins, and what it brings; all of it must hold. */
export interface SubscribeOptions
  extends CallOptions,
    Pick<Query, "actor" | "action" | "target" | "tenant" | "lane" | "laneKey"> {
  /** A seq, the first record (default), the end of the log as it is now, or the first record of a time or later (RFC 3339). */
  readonly from?: number | string | undefined;
  /** Records that may be on their way or wait for the consumer; default 1 000. A node may allow fewer. */
  readonly maxRecords?: number | undefined;
  /** Their bytes as JSON; default 4 MiB. One page may cross it. */
  readonly maxBytes?: number | undefined;
}

/** Records of one lane that a consumer has been given. */
export interface ConsumedBatch {
  /** Of the lane, in the order of the log; at least one. */
  readonly records: readonly StoredRecord[];
  readonly lane: number;
  /** How many the group has. */
  readonly lanes: number;
  /** Grows with every holder of the lane: what a sink stores with its data to refuse a late one. */
  readonly token: number;
  /** Everything of the lane up to this seq is in this batch or those before it. */
  readonly to: number;
  /**
   * This batch and all before it of the lane are done with; resolves when a quorum has that. Rejects with a ClientError when the lane, or
   * the connection, is lost: what was not committed comes again, here or at another member.
   */
  readonly commit: () => Promise<void>;
}

/** How a log is consumed by a group; everything but `member`, `hold` and the limits must be the same for all its consumers. */
export interface ConsumeOptions
  extends CallOptions,
    Pick<SubscribeOptions, "actor" | "action" | "target" | "tenant" | "laneKey" | "maxBytes"> {
  /** Who consumes, to be seen in the status; two processes must not use the same name. Default: one of its own. */
  readonly member?: string | undefined;
  /** A text that stands for whatever the consumer does; one with another text is refused (ERR_GROUP_SETTINGS). Default: empty. */
  readonly settings?: string | undefined;
  /** Makes the group with so many lanes if it is not there; without it, it must be there. */
  readonly lanes?: number | undefined;
  /** Where a group begins that is made; default `first`. Goes with `lanes`. */
  readonly from?: GroupStart | undefined;
  /** Lanes that it consumes at a time, at most; default 1. Each has a connection, and waits for its turn if there are more consumers. */
  readonly hold?: number | undefined;
  /** Records that a lane may have delivered and not committed; default 1 000. A node may allow fewer. */
  readonly maxUnacked?: number | undefined;
}

export interface Page {
  readonly items: readonly StoredRecord[];
  /** Every matching record in this range of seqs, both included, is in `items`. */
  readonly covered: { readonly from: number; readonly to: number };
  /** Goes on after what was covered, now or later; null when the query can have no more. */
  readonly next: string | null;
  /** Whether there is more to read right now. */
  readonly more: boolean;
}

export interface ProducerInfo {
  readonly id: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** In which it may begin anew, with sequence 1. */
  readonly nextEpoch: number;
}

/** What `data` of the records of an action must be. */
export interface SchemaInfo {
  readonly action: string;
  /** Counts every change, removals too. */
  readonly version: number;
  /** JSON Schema; null when it was removed. */
  readonly schema: unknown;
}

/** A log as the node that answered sees it. */
export interface LogInfo {
  readonly name: string;
  /** Whether that node can serve the log from its own copy. */
  readonly state: "open" | "opening" | "repairing" | "diverged" | "silent";
  /** Why it is not open. */
  readonly reason?: string;
  /** Absent, like `lastSeq` and `diskBytes`, unless the log is open. */
  readonly firstSeq?: number;
  readonly lastSeq?: number;
  readonly leader?: string;
  readonly diskBytes?: number;
}

/** One entry as one node has it. */
export interface HistoryClaim {
  readonly index: number;
  readonly term: number;
  /** Chain hash in hex. */
  readonly hash: string;
  /** Up to here that node knows its log to be committed. */
  readonly commitIndex: number;
}

/** What was decided for a log that has diverged: the copy of one node is kept. */
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

/** What parts a copy of a log from the one of another member. */
export interface DivergenceInfo {
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Absent when there is no such entry here. */
  readonly own?: HistoryClaim;
  readonly other: HistoryClaim & { readonly member: number };
}

/** The copy of a log on the node that answered. What is in it is absent unless it can be read. */
export interface CopyInfo extends Pick<LogInfo, "state" | "reason"> {
  readonly node: string;
  readonly log: string;
  readonly lastIndex?: number;
  readonly lastTerm?: number;
  readonly lastSeq?: number;
  readonly commitIndex?: number;
  /** Chain hash of the last entry, in hex. */
  readonly headHash?: string;
  /** Present when this copy stands still. */
  readonly diverged?: DivergenceInfo;
  /** From where the copies are known to part to the end of this one; times are milliseconds since 1970. */
  readonly parted?: {
    readonly from: number;
    readonly to: number;
    readonly records: number;
    readonly firstSeq?: number;
    readonly lastSeq?: number;
    readonly firstRecordedAt?: number;
    readonly lastRecordedAt?: number;
  };
  /** The node for whose copy this one was emptied, until it has that. */
  readonly emptiedFor?: string;
  /** The latest one for the log. */
  readonly decision?: DecisionInfo & {
    /** On this copy. */
    readonly carriedOut: boolean;
  };
}

export interface ClusterStatus {
  /** Its name, which other clusters may have, too. */
  readonly cluster: string;
  /** Drawn when it began: no other cluster has it. Absent until then. */
  readonly clusterId?: string;
  /** The node that answered. */
  readonly node: string;
  readonly version: string;
  readonly nodes: readonly {
    readonly id: string;
    readonly address: string;
    readonly reachable: boolean;
    readonly pid?: number;
    readonly reason?: string;
    /** Its clock, as this node sees it; absent if it was not heard of in the last ten seconds. Milliseconds. */
    readonly clock?: {
      /** What it shows minus what this node's clock does. */
      readonly offsetMs: number;
      readonly uncertaintyMs: number;
      /** It is further from the median of all than `clock.maxSkew`. */
      readonly off: boolean;
    };
  }[];
  readonly logs: readonly {
    readonly name: string;
    readonly leader?: string;
    readonly term: number;
    /** Leaders that came since this node began, one a term, as far as it has heard. */
    readonly elections: number;
    readonly commitIndex: number;
    readonly appliedIndex: number;
    /** Of the last entry that this node has, committed or not. */
    readonly lastIndex: number;
    readonly lastSeq: number;
    readonly headHash?: string;
    readonly replicas: readonly {
      readonly node: string;
      readonly role: string;
      readonly matchIndex?: number;
      readonly paused: readonly string[];
    }[];
    readonly pendingBytes: number;
    /** Writes that this node has flushed since it opened the log. */
    readonly flushes: number;
    /** Attachments that could not be handed over between nodes since the log was opened there; each is tried again. */
    readonly blobsNotSaved: number;
    /** Present when this node's copy of the log and another member's cannot both be right: it stands still. */
    readonly diverged?: DivergenceInfo;
    /** The latest decision for the log. */
    readonly decision?: DecisionInfo;
    /** How often this node has handed the log over because its clock is wrong, since it opened the log. */
    readonly clockHandOvers: number;
    /** Present while the log is isolated on this node: its worker, or that of several suspects, ended again and again. */
    readonly isolation?: {
      readonly deaths: number;
      readonly reason: string;
      readonly known: boolean;
      readonly retryInMs?: number;
    };
  }[];
  /** How often links from peers ended at this node, by the code of their reason. */
  readonly linkFaults: Readonly<Record<string, number>>;
  /** The clock of this node. `alone`: no other one is heard of, so nobody can know whether it is right. Milliseconds. */
  readonly clock: {
    readonly state: string;
    /** Records are stamped with another time than the clock shows. */
    readonly held: boolean;
    readonly stampOffsetMs: number;
    /** How far it is ahead of the median of all; absent where no majority agrees. */
    readonly offsetMs?: number;
    readonly uncertaintyMs?: number;
  };
  /** Groups of the logs that the answering node leads: those that are stuck, then those furthest behind; at most 256. */
  readonly groups: readonly {
    readonly log: string;
    readonly name: string;
    readonly lag: number;
    readonly stuck: number;
  }[];
  /** Worker threads of this node that ended without being asked to. */
  readonly workerRestarts: number;
  /** Its worker threads that run now, with the logs that they own. */
  readonly workers: readonly {
    readonly id: number;
    readonly isolated: boolean;
    readonly logs: readonly string[];
    readonly catchingUp: readonly string[];
    /** Seconds for which the thread's event loop had work, since the thread began. */
    readonly busySeconds: number;
  }[];
  /** What this node holds in memory, in bytes; the rows are those of docs/bounds.md. Absent before the cluster is born. */
  readonly memory?: {
    readonly limit: number;
    readonly worstBytes: number;
    readonly accountedBytes: number;
    readonly rssBytes: number;
    /** Bounds that did not hold at some time; each is a bug. */
    readonly violations: readonly string[];
    readonly rows: readonly {
      readonly name: string;
      readonly unit: "bytes" | "count";
      readonly count: number;
      readonly cap: number;
      readonly item: number;
      readonly worstBytes: number;
      readonly current: number;
      readonly peak: number;
      readonly largest: number;
    }[];
    /** How often reading or decoding was paused, by the kind of reason; a worker that ends takes its counts along. */
    readonly pauses: Readonly<Record<string, number>>;
  };
  /** The last time that this node has read and checked everything that it stores; no time before the first one. */
  readonly scrub: { readonly finishedAt?: string; readonly logs: number; readonly damaged: number };
  /** Whatever is wrong, in plain words. */
  readonly reasons: readonly string[];
}

export interface Health {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}
