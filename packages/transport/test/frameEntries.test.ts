/**
 * Goal: one frame never brings a follower more entries than the element cap of one message, however many messages wait for credit. Method: a
 * data link on loopback whose follower grants nothing until they do.
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Backoff } from "@annals/flow";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { MemoryBlobs } from "@annals/testkit";
import { DataLink, InboundLink, PEER_PATH, Permits } from "@annals/transport";
import { decodeFrame, decodeMessages, encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";

const WAIT = { timeout: 5000, interval: 5 };
const MAX_MESSAGE_BYTES = 256 * 1024;

let server: Server;
let sockets: WebSocketServer;
let inbound: InboundLink | undefined;
let link: DataLink | undefined;
/** Entries of each frame. */
let frames: number[];

function append(index: number): Message {
  const data = new Uint8Array(10);
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
  frames = [];
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
        onBytes: (bytes) => {
          const frame = decodeFrame(bytes);
          if (frame.kind === "append") frames.push(decodeMessages(frame.bytes).length);
        },
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

it.each([
  [1, [1, 1, 1, 1, 1, 1, 1, 1]],
  [3, [3, 3, 2]],
  [64, [8]],
])("at a cap of %i entries eight messages are frames of %j", async (maxFrameEntries, expected) => {
  link = new DataLink({
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
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxFrameEntries,
    maxQueuedBytes: 1024 * 1024,
    maxQueuedMessages: 100,
    handshakeTimeoutMs: 1000,
    progressTimeoutMs: 60_000,
    backoff: new Backoff({ initialMs: 1, maxMs: 10, randomBelow: () => 0 }),
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: () => {},
    onLost: () => {},
  });
  await vi.waitUntil(() => link?.open, WAIT);
  link.send(Array.from({ length: 8 }, (_, k) => append(k + 1)));
  inbound?.send(encodeFrame({ kind: "grant", entries: 100, bytes: 1024 * 1024 }));
  await vi.waitUntil(() => frames.reduce((sum, count) => sum + count, 0) === 8, WAIT);
  expect(frames).toEqual(expected);
});
