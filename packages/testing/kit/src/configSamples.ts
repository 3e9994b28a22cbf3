import { formatPlace, loadConfig } from "@annals/config";
import type { LoadConfigOptions, NodeConfig } from "@annals/config";
import { expect } from "vitest";

/** For every key: values other than the default, as YAML, as text of a variable, and resolved. They go together. */
export const SAMPLES: Readonly<
  Record<string, readonly [yaml: string, env: string, resolved: unknown]>
> = {
  cluster: ["prod", "prod", "prod"],
  nodes: [
    "{ b: 127.0.0.2:7000, c: localhost:7001 }",
    "b=127.0.0.2:7000,c=localhost:7001",
    { b: "127.0.0.2:7000", c: "localhost:7001" },
  ],
  listen: ["127.0.0.1:7999", "127.0.0.1:7999", "127.0.0.1:7999"],
  data: ["/srv/annals", "/srv/annals", "/srv/annals"],
  insecure: ["true", "true", true],
  logs: ["[orders, billing]", "orders,billing", ["orders", "billing"]],
  "log.level": ["debug", "debug", "debug"],
  "log.compression": ["zstd", "zstd", "zstd"],
  "raft.tick": ["50ms", "50ms", 50],
  "raft.heartbeatTicks": ["2", "2", 2],
  "raft.electionTicks": ["20", "20", 20],
  "raft.maxUncommittedBytes": ["65MiB", "65MiB", 65 << 20],
  "raft.maxCommittedBytes": ["5MiB", "5MiB", 5 << 20],
  "replication.append.maxEntries": ["65", "65", 65],
  "replication.append.maxBytes": ["5MiB", "5MiB", 5 << 20],
  "replication.append.maxInflightMessages": ["33", "33", 33],
  "replication.append.maxInflightBytes": ["9MiB", "9MiB", 9 << 20],
  "replication.maxMessageBytes": ["9MiB", "9MiB", 9 << 20],
  "replication.receive.eventHighWaterMark": ["101", "101", 101],
  "replication.receive.maxQueueBytes": ["33MiB", "33MiB", 33 << 20],
  "replication.receive.maxCommitBacklog": ["151", "151", 151],
  "replication.receive.yieldAfter": ["11ms", "11ms", 11],
  "replication.blob.chunkBytes": ["255KiB", "255KiB", 255 << 10],
  "replication.blob.maxConcurrent": ["5", "5", 5],
  "replication.blob.maxBytes": ["2GiB", "2GiB", 2 * 2 ** 30],
  "batch.maxRecords": ["1001", "1001", 1001],
  "batch.maxBytes": ["2MiB", "2MiB", 2 << 20],
  "ingest.maxBodyBytes": ["9MiB", "9MiB", 9 << 20],
  "ingest.maxDecodedBytes": ["17MiB", "17MiB", 17 << 20],
  "ingest.maxDecodeRatio": ["257", "257", 257],
  "ingest.maxRecordBytes": ["512KiB", "512KiB", 512 << 10],
  "ingest.maxRecords": ["10001", "10001", 10_001],
  "ingest.maxPendingBytes": ["33MiB", "33MiB", 33 << 20],
  "ingest.maxHeldBytes": ["65MiB", "65MiB", 65 << 20],
  "ingest.minUploadRate": ["2KiB", "2KiB", 2048],
  "ingest.uploadGrace": ["6s", "6s", 6000],
  "http.maxConnections": ["1025", "1025", 1025],
  "http.maxConnectionsPerAddress": ["511", "511", 511],
  "http.headersTimeout": ["6s", "6s", 6000],
  "http.requestTimeout": ["31s", "31s", 31_000],
  "workers.count": ["3", "3", 3],
  "workers.maxHeapBytes": ["513MiB", "513MiB", 513 << 20],
  "workers.maxQueueBytes": ["129MiB", "129MiB", 129 << 20],
  "workers.maxCatchUps": ["5", "5", 5],
  "workers.heapSnapshot": ["true", "true", true],
  "workers.maxIsolated": ["2", "2", 2],
  "memory.limit": ["3GiB", "3GiB", 3 * 2 ** 30],
  "query.maxHeldBytes": ["65MiB", "65MiB", 65 << 20],
  "workers.reassignStagger": ["101ms", "101ms", 101],
  "subscribe.maxStreams": ["255", "255", 255],
  "subscribe.maxUnacked": ["1001", "1001", 1001],
  "subscribe.maxBufferedBytes": ["5MiB", "5MiB", 5 << 20],
  "subscribe.maxHeldBytes": ["33MiB", "33MiB", 33 << 20],
  "groups.lease": ["11s", "11s", 11_000],
  "clock.maxSkew": ["2s", "2s", 2000],
  "storage.segmentBytes": ["2GiB", "2GiB", 2 * 2 ** 30],
  "storage.scrubInterval": ["12h", "12h", 12 * 3600e3],
  "storage.minFreeBytes": ["257MiB", "257MiB", 257 << 20],
};

/** Loads what must be right. */
export function mustLoad(options: Partial<LoadConfigOptions>): NodeConfig {
  const result = loadConfig({ env: {}, ...options });
  if (!result.ok)
    throw new Error(`unexpected problems: ${JSON.stringify(result.problems, null, 2)}`);
  return result.config;
}

/** The problems of what must be wrong, one line each. */
export function problemsOf(text: string, options: Partial<LoadConfigOptions> = {}): string[] {
  const result = loadConfig({ file: "annals.yaml", text, env: {}, ...options });
  expect(result.ok).toBe(false);
  return result.ok
    ? []
    : result.problems.map((problem) => `${formatPlace(problem.place)}: ${problem.message}`);
}
