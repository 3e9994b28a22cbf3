import { REPLICA_DEFAULTS } from "@annals/replica";
import type { ReplicaConfig } from "@annals/replica";
import type { NodeConfig } from "@annals/config";

/** The part of a node's configuration that its replicas run by. */
export function replicaConfig(config: NodeConfig): ReplicaConfig {
  const { append } = config.replication;
  return {
    tickMs: config.raft.tick,
    electionTicks: config.raft.electionTicks,
    heartbeatTicks: config.raft.heartbeatTicks,
    append: {
      maxEntries: append.maxEntries,
      maxBytes: append.maxBytes,
      maxInflightMessages: append.maxInflightMessages,
      maxInflightBytes: append.maxInflightBytes,
    },
    maxUncommittedBytes: config.raft.maxUncommittedBytes,
    maxCommittedBytes: config.raft.maxCommittedBytes,
    batch: { maxRecords: config.batch.maxRecords, maxBytes: config.batch.maxBytes },
    maxPendingBytes: config.ingest.maxPendingBytes,
    maxProducers: REPLICA_DEFAULTS.maxProducers,
    groupLeaseMs: config.groups.lease,
  };
}
