import { z } from "zod";
import { key } from "./kinds.ts";
import { ONE_BUFFER, SUM, TIMER_MS } from "./limits.ts";

/** Keys of appends: batches, what a request may bring, and the connections of clients. */
export const ingestKeys = {
  batch: z.strictObject({
    maxRecords: key.count(1000, "node", {
      greatest: 100_000,
      about: "Records in one batch, which is one Raft entry; then the next one begins.",
      tooLow: "More entries, each with its own overhead.",
      tooHigh: "A reader of one record reads its whole batch.",
    }),
    maxBytes: key.bytes("1MiB", "cluster", {
      greatest: ONE_BUFFER,
      about: "Bytes of one batch; then the next one begins. At least ingest.maxRecordBytes.",
      tooLow: "More entries, each with its own overhead.",
      tooHigh: "A reader of one record reads its whole batch.",
    }),
  }),
  ingest: z.strictObject({
    maxBodyBytes: key.bytes("8MiB", "node", {
      greatest: ONE_BUFFER,
      about: "Largest body of an append. A larger one gets 413.",
      tooLow: "Clients need more requests.",
      tooHigh: "Each request being received may use this much memory.",
    }),
    maxDecodedBytes: key.bytes("8MiB", "node", {
      greatest: ONE_BUFFER,
      follows: "ingest.maxBodyBytes",
      standardText: "as ingest.maxBodyBytes",
      about:
        "Largest body of an append once it is decompressed; decoding stops there, with 413. " +
        "ingest.maxBodyBytes bounds what arrives.",
      tooLow: "Clients that compress need more requests.",
      tooHigh: "Each request being received may use this much memory.",
    }),
    maxDecodeRatio: key.count(256, "node", {
      greatest: 100_000,
      about:
        "Bytes that a byte of a compressed body may decode to, beyond the first MiB. More get 413.",
      tooLow: "Records that repeat themselves are refused.",
      tooHigh: "A few bytes keep a thread busy until ingest.maxDecodedBytes is reached.",
    }),
    maxRecordBytes: key.bytes("1MiB", "cluster", {
      greatest: ONE_BUFFER,
      about:
        "Largest record. A larger one gets 413 naming its position; nothing of its request is " +
        "stored.",
      tooLow: "Legitimate records are refused.",
      tooHigh: "Every buffer on the way must hold one.",
    }),
    maxRecords: key.count(10_000, "node", {
      greatest: 1_000_000,
      about: "Records in one append. More get 413.",
      tooLow: "Clients need more requests.",
      tooHigh: "One request keeps a worker busy for long.",
    }),
    maxPendingBytes: key.bytes("32MiB", "node", {
      greatest: SUM,
      about:
        "Bytes of appends that were admitted and not yet answered, per log. At the cap: 429 with " +
        "Retry-After, nothing half-accepted.",
      tooLow: "Bursts are refused although the disk could follow.",
      tooHigh: "Each log may use this much memory under overload.",
    }),
    maxHeldBytes: key.bytes("32MiB", "node", {
      greatest: SUM,
      follows: "ingest.maxPendingBytes",
      standardText: "as ingest.maxPendingBytes",
      about:
        "Bytes of bodies held for all logs together, from their announcement to the answer. At " +
        "the cap: 503 with Retry-After, before the body is read.",
      tooLow: "One busy log takes the room of the others; below ingest.maxPendingBytes.",
      tooHigh: "All logs together may use this much memory under overload.",
    }),
    minUploadRate: key.bytes("1KiB", "node", {
      greatest: ONE_BUFFER,
      about:
        "Bytes per second that the body of an append must bring at least, looked at every " +
        "ingest.uploadGrace. A slower one gets 408, and its connection is closed.",
      tooLow: "A client that sends a byte at a time holds room for its body for long.",
      tooHigh: "Clients on bad networks cannot append.",
    }),
    uploadGrace: key.duration("5s", "node", {
      greatest: TIMER_MS,
      about: "How long a body may be slower than ingest.minUploadRate.",
      tooLow: "A network that loses some packets costs the request.",
      tooHigh: "Stalled uploads hold their room this long.",
    }),
  }),
  http: z.strictObject({
    maxConnections: key.count(1024, "node", {
      greatest: 100_000,
      about:
        "HTTP connections of clients, counted from their first request on; a further one gets " +
        "503 and is closed. Links between nodes, requests that nodes pass on, and connections of " +
        "the client stream do not count; `/healthz`, `/readyz`, `/metrics` and `/v1/cluster` are " +
        "answered beyond it.",
      tooLow: "Clients that keep a connection each are turned away.",
      tooHigh: "Each connection costs buffers (bounds.md) and an open file.",
    }),
    maxConnectionsPerAddress: key.count(512, "node", {
      greatest: 100_000,
      about:
        "HTTP connections of clients from one address, of IPv6 from one /64; a further one gets " +
        "503 and is closed.",
      tooLow: "Clients behind one proxy are turned away.",
      tooHigh: "One client can take all connections.",
    }),
    headersTimeout: key.duration("5s", "node", {
      greatest: TIMER_MS,
      about:
        "How long the head of a request may take to arrive; looked at once a second. Then 408.",
      tooLow: "Slow networks are refused.",
      tooHigh: "Connections that say nothing keep their place for long.",
    }),
    requestTimeout: key.duration("30s", "node", {
      greatest: TIMER_MS,
      about: "How long the body of a request may take to arrive, blobs aside. Then 408.",
      tooLow: "Large bodies over slow networks are refused.",
      tooHigh: "Slow bodies hold their room this long.",
    }),
  }),
};
