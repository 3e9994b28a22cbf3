import { connectionCaps, pageBytesOf } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import type { Ledger } from "@annals/flow";
import { IngestDesk } from "@annals/http";
import type { HttpServerOptions } from "@annals/http";
import { processFigures } from "./processFigures.ts";

/** What the HTTP server takes from the configuration. */
export function httpOptions(config: NodeConfig, ledger: Ledger): HttpServerOptions {
  const { node, nodes, ingest, http, query, replication } = config;
  const peers = Object.keys(nodes).filter((id) => id !== node);
  const caps = connectionCaps(http);
  return {
    ledger,
    node,
    address: nodes[node] ?? "",
    desk: new IngestDesk({
      maxLogBytes: ingest.maxPendingBytes,
      maxNodeBytes: ingest.maxHeldBytes,
      maxRequests: http.maxConnections + peers.length * caps.maxPerNode,
      ledger,
      now: () => performance.now(),
    }),
    body: {
      maxBytes: ingest.maxBodyBytes,
      maxDecodedBytes: ingest.maxDecodedBytes,
      maxRatio: ingest.maxDecodeRatio,
      minRate: ingest.minUploadRate,
      graceMs: ingest.uploadGrace,
      timeoutMs: http.requestTimeout,
    },
    connections: {
      max: http.maxConnections,
      maxPerAddress: http.maxConnectionsPerAddress,
      ...caps,
    },
    processFigures,
    peers,
    headersTimeoutMs: http.headersTimeout,
    subscribe: config.subscribe,
    pageBytes: (length) => pageBytesOf(ingest, length),
    maxHeldAnswerBytes: query.maxHeldBytes,
    maxBlobBytes: replication.blob.maxBytes,
    blobChunkBytes: replication.blob.chunkBytes,
  };
}
