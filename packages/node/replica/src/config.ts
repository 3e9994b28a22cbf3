import { PRODUCERS_MAX } from "@annals/flow";
/** How one replica behaves. Bytes, counts, milliseconds; see `docs/configuration.md` for the YAML keys behind them. */
export interface ReplicaConfig {
  /** Length of one Raft tick in ms. */
  readonly tickMs: number;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly append: {
    readonly maxEntries: number;
    readonly maxBytes: number;
    readonly maxInflightMessages: number;
    readonly maxInflightBytes: number;
  };
  readonly maxUncommittedBytes: number;
  /** Payload bytes of committed entries handed out for applying at once. */
  readonly maxCommittedBytes: number;
  readonly batch: { readonly maxRecords: number; readonly maxBytes: number };
  /** Bytes of requests that wait for their answer; beyond, appends are refused as overloaded. */
  readonly maxPendingBytes: number;
  /** Producers remembered; beyond, the one that was silent longest is forgotten. */
  readonly maxProducers: number;
  /** Milliseconds without a sign of life after which a consumer's lane is free for others. */
  readonly groupLeaseMs: number;
}

export const REPLICA_DEFAULTS: ReplicaConfig = {
  tickMs: 100,
  electionTicks: 10,
  heartbeatTicks: 1,
  append: {
    maxEntries: 64,
    maxBytes: 4 * 1024 * 1024,
    maxInflightMessages: 32,
    maxInflightBytes: 16 * 1024 * 1024,
  },
  maxUncommittedBytes: 64 * 1024 * 1024,
  maxCommittedBytes: 4 * 1024 * 1024,
  batch: { maxRecords: 1000, maxBytes: 1024 * 1024 },
  maxPendingBytes: 32 * 1024 * 1024,
  maxProducers: PRODUCERS_MAX,
  groupLeaseMs: 10_000,
};
