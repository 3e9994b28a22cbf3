/** Goal: what is set in YAML reaches the replica. Method: a file in which no value is the default. */
import { REPLICA_DEFAULTS } from "@annals/replica";
import { loadConfig } from "@annals/config";
import { expect, it } from "vitest";
import { replicaConfig } from "../src/replicaConfig.ts";

const TEXT = `
cluster: test
nodes: { a: "127.0.0.1:7400" }
data: ./data
raft: { tick: 50ms, heartbeatTicks: 2, electionTicks: 21, maxUncommittedBytes: 65MiB, maxCommittedBytes: 5MiB }
replication:
  append: { maxEntries: 65, maxBytes: 5MiB, maxInflightMessages: 33, maxInflightBytes: 17MiB }
batch: { maxRecords: 1001, maxBytes: 2MiB }
ingest: { maxPendingBytes: 33MiB }
groups: { lease: 11s }
`;

it("hands every setting of the file to the replica", () => {
  const loaded = loadConfig({ text: TEXT, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const MIB = 1024 * 1024;
  expect(replicaConfig(loaded.config)).toEqual({
    tickMs: 50,
    heartbeatTicks: 2,
    electionTicks: 21,
    append: {
      maxEntries: 65,
      maxBytes: 5 * MIB,
      maxInflightMessages: 33,
      maxInflightBytes: 17 * MIB,
    },
    maxUncommittedBytes: 65 * MIB,
    maxCommittedBytes: 5 * MIB,
    batch: { maxRecords: 1001, maxBytes: 2 * MIB },
    maxPendingBytes: 33 * MIB,
    maxProducers: REPLICA_DEFAULTS.maxProducers,
    groupLeaseMs: 11_000,
  });
});

it("has the same defaults as the replica itself", () => {
  const text = 'cluster: test\nnodes: { a: "127.0.0.1:7400" }\ndata: ./data\n';
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  expect(replicaConfig(loaded.config)).toEqual(REPLICA_DEFAULTS);
});
