// Goal: what the configuration says of HTTP and ingestion reaches the server and the desk. Method: every key set to another value.
import { Ledger } from "@annals/flow";
import { mustLoad } from "@annals/kit";
import { expect, it } from "vitest";
import { httpOptions } from "../src/httpOptions.ts";

const TEXT = `
data: /tmp/annals
nodes: { b: "127.0.0.1:7998", a: "127.0.0.1:7999" }
ingest:
  maxBodyBytes: 2MiB
  maxDecodedBytes: 3MiB
  maxDecodeRatio: 17
  maxPendingBytes: 5MiB
  maxHeldBytes: 7MiB
  minUploadRate: 11B
  uploadGrace: 13ms
http: { maxConnections: 19, maxConnectionsPerAddress: 23, headersTimeout: 29ms, requestTimeout: 31ms }
query: { maxHeldBytes: 37MiB }
subscribe: { maxStreams: 47, maxUnacked: 53, maxBufferedBytes: 59KiB, maxHeldBytes: 61MiB }
replication: { blob: { maxBytes: 41MiB, chunkBytes: 43KiB } }
`;

it("every key reaches its place", () => {
  const { desk, ledger, pageBytes, processFigures, ...options } = httpOptions(
    mustLoad({ text: TEXT, node: "a" }),
    new Ledger(),
  );
  expect(options).toEqual({
    node: "a",
    address: "127.0.0.1:7999",
    body: {
      maxBytes: 2 << 20,
      maxDecodedBytes: 3 << 20,
      maxRatio: 17,
      minRate: 11,
      graceMs: 13,
      timeoutMs: 31,
    },
    connections: {
      max: 19,
      maxPerAddress: 23,
      maxUndecided: 16,
      maxPerNode: 16,
      maxOperator: 32,
    },
    peers: ["b"],
    headersTimeoutMs: 29,
    subscribe: {
      maxStreams: 47,
      maxUnacked: 53,
      maxBufferedBytes: 59 << 10,
      maxHeldBytes: 61 << 20,
    },
    maxHeldAnswerBytes: 37 << 20,
    maxBlobBytes: 41 << 20,
    blobChunkBytes: 43 << 10,
  });
  expect(processFigures).toBeTypeOf("function");
  expect(pageBytes(1)).toBeGreaterThan(1 << 20);
  desk.admit("audit", 1);
  const { node, logs } = desk.read();
  expect(node.buffered).toMatchObject({ bytes: { cap: 7 << 20 }, requests: { cap: 19 + 16 } });
  expect(logs[0]?.buffered.bytes.cap).toBe(5 << 20);
  expect(ledger.read()["requests"]).toMatchObject({ current: 1 });
});
