/**
 * The configuration of one node, resolved: bytes as numbers, durations in milliseconds, every default filled in and every relation
 * between limits checked. Field names are the keys of the YAML file; `keys.ts` says what each means. Deeply frozen.
 */
export interface NodeConfig {
  /** Name of the cluster; nodes of another name are refused. */
  readonly cluster: string;
  /** Every node of the cluster: id → `host:port`, in the order of the file. One port carries HTTP and WebSocket. */
  readonly nodes: Readonly<Record<string, string>>;
  /** The id of this node; a key of `nodes`. */
  readonly node: string;
  /** Where this node listens, as `host:port`; others reach it at `nodes[node]`. */
  readonly listen: string;
  /** `listen`, taken apart. */
  readonly address: NodeAddress;
  /** Absolute path of the data directory. */
  readonly data: string;
  /** Whether the node may listen beyond loopback without encryption and keys. */
  readonly insecure: boolean;
  /** Names of the logs that are created when the cluster is born. */
  readonly logs: readonly string[];
  readonly log: { readonly level: LogLevel; readonly compression: LogCompression };
  readonly raft: RaftSettings;
  readonly replication: ReplicationSettings;
  readonly batch: BatchSettings;
  readonly ingest: IngestSettings;
  readonly http: HttpSettings;
  readonly workers: WorkerSettings;
  /** Bytes that the node may need at the worst. */
  readonly memory: { readonly limit: number };
  readonly query: { readonly maxHeldBytes: number };
  readonly subscribe: SubscribeSettings;
  /** Milliseconds. */
  readonly groups: { readonly lease: number };
  /** Milliseconds. */
  readonly clock: { readonly maxSkew: number };
  readonly storage: StorageSettings;
}

/** A `host:port` taken apart; an IPv6 host is without its brackets. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_COMPRESSIONS = ["none", "zstd"] as const;
export type LogCompression = (typeof LOG_COMPRESSIONS)[number];

export interface RaftSettings {
  /** Milliseconds per tick. */
  readonly tick: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  readonly maxUncommittedBytes: number;
  readonly maxCommittedBytes: number;
}

export interface ReplicationSettings {
  readonly append: {
    readonly maxEntries: number;
    readonly maxBytes: number;
    readonly maxInflightMessages: number;
    readonly maxInflightBytes: number;
  };
  readonly maxMessageBytes: number;
  readonly receive: {
    readonly eventHighWaterMark: number;
    readonly maxQueueBytes: number;
    readonly maxCommitBacklog: number;
    /** Milliseconds. */
    readonly yieldAfter: number;
  };
  readonly blob: {
    readonly chunkBytes: number;
    readonly maxConcurrent: number;
    readonly maxBytes: number;
  };
}

export interface BatchSettings {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export interface IngestSettings {
  readonly maxBodyBytes: number;
  readonly maxDecodedBytes: number;
  readonly maxDecodeRatio: number;
  readonly maxRecordBytes: number;
  readonly maxRecords: number;
  readonly maxPendingBytes: number;
  readonly maxHeldBytes: number;
  /** Bytes per second. */
  readonly minUploadRate: number;
  /** Milliseconds. */
  readonly uploadGrace: number;
}

export interface HttpSettings {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Milliseconds. */
  readonly headersTimeout: number;
  /** Milliseconds. */
  readonly requestTimeout: number;
}

export interface WorkerSettings {
  /** Whether a worker that ends by its heap's limit leaves a snapshot of it. */
  readonly heapSnapshot: boolean;
  readonly count: number;
  readonly maxHeapBytes: number;
  /** Bytes from the sockets of all links of one worker until they are flushed. */
  readonly maxQueueBytes: number;
  /** Logs of one worker that may be opened or catch up at a time. */
  readonly maxCatchUps: number;
  /** Workers for logs that keep ending theirs. */
  readonly maxIsolated: number;
  /** Milliseconds between two logs that are handed to another worker. */
  readonly reassignStagger: number;
}

export interface SubscribeSettings {
  /** Connections of the client stream. */
  readonly maxStreams: number;
  /** Records delivered to one subscription and not acknowledged. */
  readonly maxUnacked: number;
  /** Bytes of one subscription that its socket has not taken. */
  readonly maxBufferedBytes: number;
  /** Bytes of all subscriptions that are being read or that sockets have not taken. */
  readonly maxHeldBytes: number;
}

export interface StorageSettings {
  readonly segmentBytes: number;
  readonly minFreeBytes: number;
  /** Milliseconds. */
  readonly scrubInterval: number;
}
