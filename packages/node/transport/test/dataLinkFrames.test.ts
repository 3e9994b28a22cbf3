/**
 * Goal: what waits for credit neither reaches the follower as one huge frame, nor costs a blob that is on its way. Method: a data link on
 * loopback whose follower, played by the test, grants as little as it wants.
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Backoff } from "@annals/flow";
import { MemoryBlobs } from "@annals/kit";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import { decodeFrame, decodeMessages, encodeFrame } from "@annals/wire";
import type { Frame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { DataLink } from "../src/dataLink.ts";
import { InboundLink } from "../src/inboundLink.ts";
import { PEER_PATH } from "../src/protocol.ts";
import { Permits } from "../src/permits.ts";
import { StreamFigures } from "../src/streamFigures.ts";
import type { LinkFault } from "../src/protocol.ts";

const WAIT = { timeout: 5000, interval: 5 };
const MAX_MESSAGE_BYTES = 256 * 1024;

let server: Server;
let sockets: WebSocketServer;
let inbound: InboundLink | undefined;
let link: DataLink | undefined;
let blobs: MemoryBlobs;
let frames: Frame[];
let faults: LinkFault[];
let figures: StreamFigures;

/** Entry `index`, one record that names these blobs. */
function append(index: number, bytes = 10, names: readonly string[] = []): Message {
  const requests = [{ count: 1, producer: undefined }];
  const header = { firstSeq: asSeq(index), count: 1, recordedAt: 0, requests, blobs: names };
  const data = encodeBatch(header, [new Uint8Array(bytes)]);
  const term = asTerm(1);
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term,
    prevLogIndex: asIndex(index - 1),
    prevLogTerm: term,
    leaderCommit: asIndex(0),
    entries: [{ index: asIndex(index), term, kind: "records", data }],
  };
}

beforeEach(async () => {
  [frames, faults, blobs] = [[], [], new MemoryBlobs(100)];
  figures = new StreamFigures({ maxEntries: 64, maxBytes: MAX_MESSAGE_BYTES });
  server = createServer();
  sockets = new WebSocketServer({ server, path: PEER_PATH, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on("connection", (socket, request) => {
    inbound = new InboundLink({
      socket,
      connection: request.socket,
      helloTimeoutMs: 1000,
      maxQueueBytes: 1024 * 1024,
      onHello: () => ({
        greeting: [{ kind: "welcome", clusterId: "x", node: "b", member: asMemberId(2) }],
        onBytes: (bytes) => void frames.push(decodeFrame(bytes)),
        onClose: () => {},
      }),
      onFault: () => {},
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  link?.close();
  inbound?.close({ code: "ERR_NODE_STOPPING", reason: "end of the test" });
  sockets.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function dial(maxFrameEntries: number, maxQueuedBytes: number): Promise<DataLink> {
  const data = new DataLink({
    self: asMemberId(1),
    follower: asMemberId(2),
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}${PEER_PATH}`,
    hello: () => ({
      protocol: 1,
      cluster: "test",
      clusterId: "x",
      node: "a",
      member: asMemberId(1),
      address: "127.0.0.1:1",
      fingerprint: "f",
      purpose: "data",
      logId: 1,
      limits: { maxMessageBytes: MAX_MESSAGE_BYTES },
    }),
    figures,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxFrameEntries,
    maxQueuedBytes,
    maxQueuedMessages: 100,
    handshakeTimeoutMs: 1000,
    progressTimeoutMs: 60_000,
    backoff: new Backoff({ initialMs: 1, maxMs: 10, randomBelow: () => 0 }),
    blobs,
    blobPermits: new Permits(1),
    onMessages: () => {},
    onLost: (fault) => void faults.push(fault),
  });
  link = data;
  await vi.waitUntil(() => data.open, WAIT);
  return data;
}

function grant(entries: number, bytes: number): void {
  inbound?.send(encodeFrame({ kind: "grant", entries, bytes }));
}

/** Messages in each frame of entries. */
function sizes(): readonly number[] {
  return frames.flatMap((frame) =>
    frame.kind === "append" ? [decodeMessages(frame.bytes).length] : [],
  );
}

it.each([
  [1, [1, 1, 1, 1, 1, 1, 1, 1]],
  [3, [3, 3, 2]],
  [64, [8]],
])("at a cap of %i entries eight messages are frames of %j", async (maxFrameEntries, expected) => {
  const data = await dial(maxFrameEntries, 1024 * 1024);
  data.send(Array.from({ length: 8 }, (_, k) => append(k + 1)));
  grant(100, 1024 * 1024);
  await vi.waitUntil(() => sizes().reduce((sum, count) => sum + count, 0) === 8, WAIT);
  expect(sizes()).toEqual(expected);
});

it("a queue that waits for credit is counted once, and the wait for the first credit is none", async () => {
  const data = await dial(64, 1024 * 1024);
  data.send([append(1)]);
  expect(figures.read().cuts.credit).toBe(0);
  grant(1, 1024 * 1024);
  await vi.waitUntil(() => sizes().length === 1, WAIT);
  for (const index of [2, 3, 4]) data.send([append(index)]);
  expect(figures.read().cuts.credit).toBe(1);
  grant(100, 0);
  await vi.waitUntil(() => sizes().length > 1, WAIT);
  expect(figures.read()).toMatchObject({ cuts: { credit: 1 }, entries: { sum: 4 } });
});

it("a blob on its way to a slow disk goes on when entries pile up behind it", async () => {
  const data = await dial(64, 2000);
  const digest = blobs.add(Uint8Array.from({ length: 1000 }, (_, k) => k % 251));
  const chunks = (): number => frames.filter(({ kind }) => kind === "blobChunk").length;
  grant(100, 1);
  data.send([append(1, 10, [digest])]);
  await vi.waitUntil(() => frames.length === 1, WAIT);
  inbound?.send(encodeFrame({ kind: "blobAnswer", digest, answer: "want" }));
  for (let k = 0; chunks() < 5; k++) {
    grant(0, 200);
    data.send([append(2 + k, 1500)]);
    await vi.waitUntil(() => chunks() > k, WAIT);
  }
  expect(faults.map(({ code }) => code)).toContain("ERR_LINK_CONGESTED");
  grant(0, 100_000);
  await vi.waitUntil(() => chunks() === 10, WAIT);
  inbound?.send(encodeFrame({ kind: "blobAnswer", digest, answer: "have" }));
  data.send([append(1, 10, [digest])]);
  await vi.waitUntil(() => sizes().length > 0, WAIT);
  expect(frames.filter(({ kind }) => kind === "blobOffer")).toHaveLength(1);
});

/** Says how far the leader has committed, and nothing else. */
function news(commit: number): Message {
  return { ...append(1), leaderCommit: asIndex(commit), entries: [] } as Message;
}

it("the news of a commit goes with the next entries, and by itself when there are none", async () => {
  const data = await dial(64, 1024 * 1024);
  grant(100, 1024 * 1024);
  await vi.waitUntil(() => data.credit().entries === 100, WAIT);
  data.send([news(1)]);
  data.send([append(2), news(2)]);
  await vi.waitUntil(() => sizes().length === 1, WAIT);
  data.send([news(3)]);
  await vi.waitUntil(() => sizes().length === 2, WAIT);
  expect(sizes()).toEqual([3, 1]);
});

it("empty appends that wait for credit take one place, however many come", async () => {
  const data = await dial(64, 1024 * 1024);
  data.send([append(1)]);
  for (let commit = 1; commit <= 500; commit++) data.send([news(commit)]);
  grant(100, 1024 * 1024);
  await vi.waitUntil(() => sizes().length > 0, WAIT);
  expect(faults).toEqual([]);
  expect(sizes()).toEqual([2]);
});
