// Goal: bytes that left a process once stay readable for ever. Every layout version has a file of samples; today's encoder must give
// the newest file's bytes, today's decoder must read every file.
import { hex, readGolden } from "@annals/kit";
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { asSeq, encodeBatch, RECORD_LIMITS } from "@annals/record";
import { decodeFrame, encodeFrame } from "../src/frames.ts";
import { decodeMessages, encodeMessages } from "../src/messages.ts";
import { encodeRecord } from "../src/recordCodec.ts";
import { parseIngestBody } from "../src/ingest.ts";
import { viewBatch, zstdBatch } from "../src/batchCompression.ts";
import type { Frame } from "../src/frames.ts";

const envelope = { from: asMemberId(0x1_2345_6789_abc), to: asMemberId(2), term: asTerm(7) };
const membership = {
  voters: [asMemberId(1), asMemberId(2)],
  votersOutgoing: [asMemberId(1)],
  learners: [asMemberId(2 ** 40)],
  learnersNext: [asMemberId(5)],
  autoLeave: true,
};
const bytes = Buffer.from("payload");

const MESSAGES: readonly Message[] = [
  {
    kind: "appendEntries",
    ...envelope,
    prevLogIndex: asIndex(300),
    prevLogTerm: asTerm(6),
    prevLogHash: Buffer.alloc(32, 0xaa),
    leaderCommit: asIndex(70_000),
    entries: [
      { index: asIndex(301), term: asTerm(6), kind: "records", data: bytes },
      { index: asIndex(302), term: asTerm(7), kind: "noop", data: Buffer.alloc(0) },
      { index: asIndex(303), term: asTerm(7), kind: "membership", data: Buffer.of(1) },
      { index: asIndex(304), term: asTerm(7), kind: "command", data: Buffer.of(2) },
    ],
  },
  {
    kind: "appendEntriesResponse",
    ...envelope,
    index: asIndex(2 ** 33),
    rejected: true,
    hintIndex: asIndex(4),
    hintTerm: asTerm(3),
  },
  {
    kind: "requestVote",
    ...envelope,
    lastLogIndex: asIndex(9),
    lastLogTerm: asTerm(6),
    transfer: true,
  },
  {
    kind: "requestVoteResponse",
    ...envelope,
    rejected: false,
    committed: { index: asIndex(0), term: asTerm(0) },
  },
  {
    kind: "requestPreVote",
    ...envelope,
    lastLogIndex: asIndex(9),
    lastLogTerm: asTerm(6),
    transfer: false,
  },
  {
    kind: "requestPreVoteResponse",
    ...envelope,
    rejected: true,
    committed: { index: asIndex(70_000), term: asTerm(3) },
  },
  {
    kind: "heartbeat",
    ...envelope,
    commitIndex: asIndex(128),
    commitHash: Buffer.alloc(32, 0xbb),
    readToken: 65_536,
  },
  {
    kind: "heartbeatResponse",
    ...envelope,
    committed: { index: asIndex(127), hash: Buffer.alloc(32, 0xbb) },
    readToken: 0,
  },
  {
    kind: "installSnapshot",
    ...envelope,
    snapshot: {
      lastIncludedIndex: asIndex(5),
      lastIncludedTerm: asTerm(4),
      membership,
      data: bytes,
    },
  },
  { kind: "timeoutNow", ...envelope },
  { kind: "readIndex", ...envelope, context: 11 },
  { kind: "readIndexResponse", ...envelope, context: 11, index: asIndex(12) },
  { kind: "transferLeadership", ...envelope, transferee: asMemberId(3) },
  { kind: "propose", ...envelope, entries: [{ kind: "records", data: bytes }] },
  {
    kind: "recovery",
    ...envelope,
    context: 70_000,
    lastLogIndex: asIndex(9),
    lastLogTerm: asTerm(6),
  },
  {
    kind: "recoveryResponse",
    ...envelope,
    context: 70_000,
    last: { index: asIndex(300), term: asTerm(7) },
    committed: { index: asIndex(299), term: asTerm(6) },
    acknowledged: {
      term: asTerm(7),
      index: asIndex(298),
      entry: { index: asIndex(298), term: asTerm(5) },
    },
  },
];

const hello = {
  kind: "hello",
  protocol: 1,
  cluster: "prod",
  node: "n1",
  member: asMemberId(1),
  address: "10.0.0.1:7400",
  fingerprint: "ab12",
  epoch: 3,
  limits: { maxMessageBytes: 8_388_608 },
} as const;

const DIGEST = "0fa1".repeat(16);

const FRAMES: readonly (readonly [string, Frame])[] = [
  ["hello-control", { ...hello, clusterId: undefined, purpose: "control", logId: undefined }],
  ["hello-data", { ...hello, clusterId: "c-1", purpose: "data", logId: 0xffff_ffff }],
  ["welcome", { kind: "welcome", clusterId: "c-1", node: "n2", member: asMemberId(2) }],
  ["refuse", { kind: "refuse", code: "ERR_LINK_CLUSTER", reason: "another cluster" }],
  [
    "control",
    {
      kind: "control",
      parcels: [
        { logId: 1, bytes },
        { logId: 2, bytes: Buffer.alloc(0) },
      ],
    },
  ],
  ["append", { kind: "append", epoch: 3, bytes }],
  ["response", { kind: "response", epoch: 3, bytes }],
  ["grant", { kind: "grant", entries: 64, bytes: 4_194_304 }],
  ["birth", { kind: "birth", certificate: bytes }],
];

/** Kinds that came later have a file of their own: an old one never changes. */
const REPAIR_FRAMES: readonly (readonly [string, Frame])[] = [
  ["hello-repair", { ...hello, clusterId: "c-1", purpose: "repair", logId: 7 }],
  ["fetch", { kind: "fetch", from: asIndex(5), to: asIndex(300) }],
  [
    "page",
    {
      kind: "page",
      from: asIndex(5),
      previousHash: Buffer.alloc(32, 0xcc),
      commitIndex: asIndex(6),
      leads: asTerm(2),
      entries: [{ index: asIndex(5), term: asTerm(2), kind: "records", data: bytes }],
    },
  ],
];

const BLOB_FRAMES: readonly (readonly [string, Frame])[] = [
  ["blobOffer", { kind: "blobOffer", epoch: 3, digest: DIGEST, bytes: 2 ** 33 }],
  ["blobChunk", { kind: "blobChunk", epoch: 3, bytes, last: false }],
  ["blobChunk, the last", { kind: "blobChunk", epoch: 3, bytes, last: true }],
  ["blobAnswer, have", { kind: "blobAnswer", digest: DIGEST, answer: "have" }],
  ["blobAnswer, want", { kind: "blobAnswer", digest: DIGEST, answer: "want" }],
  ["blobAnswer, failed", { kind: "blobAnswer", digest: DIGEST, answer: "failed" }],
];

const CLOCK_FRAMES: readonly (readonly [string, Frame])[] = [
  ["askTime", { kind: "askTime", token: 7 }],
  ["tellTime", { kind: "tellTime", token: 7, wallTime: 1_764_000_000_000 }],
];

const HEADER = {
  firstSeq: asSeq(2 ** 32 + 5),
  count: 3,
  recordedAt: 1_764_000_000_000,
  requests: [
    { count: 1, producer: undefined },
    {
      count: 2,
      producer: { id: "prodücer", epoch: 2, sequence: 9, fingerprint: 0x1234_5678_9abc },
    },
  ],
};
const RECORDS = [bytes, Buffer.alloc(0), Buffer.of(0xc0)];

const RECORD = {
  actor: { type: "user", id: "alice" },
  action: "file.modified",
  time: "2026-01-31T12:00:00Z",
  targets: [{ type: "file", id: "README.md" }],
  outcome: "success",
  changes: [{ path: "blob", before: null, after: "9f2c" }],
  data: { size: 70_000, ratio: 0.5, deep: [-1, true, "ä"] },
} as const;

/** Views and Buffers as plain arrays of numbers. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, field: unknown) =>
      field instanceof Uint8Array ? [...field] : field === undefined ? "undefined" : field,
    ).replaceAll(/\{"type":"Buffer","data":(\[[\d,]*\])\}/g, "$1"),
  );
}

test("messages, version 3", () => {
  const current = new Map(
    MESSAGES.map((message) => [message.kind, hex(encodeMessages([message]))] as const),
  );
  const golden = readGolden(import.meta.dirname, "messages.v3.hex", current);
  expect(new Map(current)).toEqual(golden);
  for (const message of MESSAGES) {
    const decoded = decodeMessages(Buffer.from(golden.get(message.kind) ?? "", "hex"));
    expect(plain(decoded)).toEqual(plain([message]));
  }
});

test.each([
  ["frames.v1.hex", FRAMES],
  ["blobFrames.v1.hex", BLOB_FRAMES],
  ["repairFrames.v1.hex", REPAIR_FRAMES],
  ["clockFrames.v1.hex", CLOCK_FRAMES],
] as const)("frames, version 1: %s", (file, frames) => {
  const current = new Map(frames.map(([name, frame]) => [name, hex(encodeFrame(frame))] as const));
  const golden = readGolden(import.meta.dirname, file, current);
  expect(new Map(current)).toEqual(golden);
  for (const [name, frame] of frames)
    expect(plain(decodeFrame(Buffer.from(golden.get(name) ?? "", "hex")))).toEqual(plain(frame));
});

test("batch, version 1", () => {
  const current = new Map([["batch", hex(encodeBatch(HEADER, RECORDS))]]);
  const golden = readGolden(import.meta.dirname, "batch.v1.hex", current);
  expect(current).toEqual(golden);
  const view = viewBatch(Buffer.from(golden.get("batch") ?? "", "hex"));
  expect(view.header).toEqual(HEADER);
  expect([0, 1, 2].map((k) => hex(view.record(k)))).toEqual(RECORDS.map(hex));
});

test("batch, version 2: records that name blobs", () => {
  const header = { ...HEADER, blobs: ["0f".repeat(32), "a1".repeat(32)] };
  const current = new Map([["batch", hex(encodeBatch(header, RECORDS))]]);
  const golden = readGolden(import.meta.dirname, "batch.v2.hex", current);
  expect(current).toEqual(golden);
  const view = viewBatch(Buffer.from(golden.get("batch") ?? "", "hex"));
  expect(view.header).toEqual(header);
  expect([0, 1, 2].map((k) => hex(view.record(k)))).toEqual(RECORDS.map(hex));
});

test.each([
  ["batch.v3.hex", HEADER],
  ["batch.v4.hex", { ...HEADER, blobs: ["0f".repeat(32)] }],
])("batch, compressed: %s", (file, header) => {
  const records = RECORDS.map((record) => Buffer.concat(Array<Uint8Array>(20).fill(record)));
  const current = new Map([["batch", hex(zstdBatch(encodeBatch(header, records)))]]);
  // Another build of the library may compress otherwise; what any has written stays readable.
  const golden = readGolden(import.meta.dirname, file, current);
  const view = viewBatch(Buffer.from(golden.get("batch") ?? "", "hex"));
  expect(view.header).toEqual(header);
  expect([0, 1, 2].map((k) => hex(view.record(k)))).toEqual(records.map(hex));
});

describe("ingest, version 1", () => {
  const bodies = [
    ["application/json", Buffer.from(JSON.stringify([RECORD]))],
    ["application/x-ndjson", Buffer.from(JSON.stringify(RECORD))],
    ["application/msgpack", encodeRecord(RECORD)],
  ] as const;

  test("a record has the same bytes whichever way it came", () => {
    const stored = bodies.map(([type, body]) =>
      parseIngestBody(type, body, RECORD_LIMITS).records.map(hex),
    );
    const current = new Map([["record", stored[0]?.[0] ?? ""]]);
    expect(current).toEqual(readGolden(import.meta.dirname, "ingest.v1.hex", current));
    expect(new Set(stored.flat()).size).toBe(1);
  });
});
