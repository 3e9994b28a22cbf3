import type { Ledger } from "@annals/flow";
import type { NodeConfig } from "../config/index.ts";
import type { HttpServerOptions } from "../http/httpServer.ts";
import {
  FORWARD_SOCKETS_MAX,
  OPERATOR_CONNECTIONS_MAX,
  UNDECIDED_CONNECTIONS_MAX,
} from "../memory/constants.ts";
import { pageBytesOf } from "../memory/requestBounds.ts";
import { IngestDesk } from "../ingest/ingestDesk.ts";

/** What the HTTP server takes from the configuration. */
export function httpOptions(config: NodeConfig, ledger: Ledger): HttpServerOptions {
  const { node, nodes, ingest, http, query, replication } = config;
  const peers = Object.keys(nodes).filter((id) => id !== node);
  return {
    ledger,
    node,
    address: nodes[node] ?? "",
    desk: new IngestDesk({
      maxLogBytes: ingest.maxPendingBytes,
      maxNodeBytes: ingest.maxHeldBytes,
      maxRequests: http.maxConnections + peers.length * FORWARD_SOCKETS_MAX,
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
      maxUndecided: UNDECIDED_CONNECTIONS_MAX,
      maxPerNode: FORWARD_SOCKETS_MAX,
      maxOperator: OPERATOR_CONNECTIONS_MAX,
    },
    peers,
    headersTimeoutMs: http.headersTimeout,
    subscribe: config.subscribe,
    pageBytes: (length) => pageBytesOf(ingest, length),
    maxHeldAnswerBytes: query.maxHeldBytes,
    maxBlobBytes: replication.blob.maxBytes,
    blobChunkBytes: replication.blob.chunkBytes,
  };
}
