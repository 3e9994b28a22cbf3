/**
 * Goal: a leader sends within its follower's credit, loses nothing silently, and dials again when it has to. Method: a data link against an
 * accepting link on a real loopback socket, whose handler the test plays.
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Backoff, Ledger } from "@annals/flow";
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { MemoryBlobs } from "@annals/testkit";
import { DataLink, InboundLink, PEER_PATH, Permits } from "@annals/transport";
import type { LinkFault } from "@annals/transport";
import { decodeFrame, decodeMessages, encodeFrame, encodeMessages } from "@annals/wire";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";

const WAIT = { timeout: 5000, interval: 5 };
const MAX_MESSAGE_BYTES = 256 * 1024;

function append(index: number, bytes = 10): Message {
  return {
    kind: "appendEntries",
    from: asMemberId(1),
    to: asMemberId(2),
    term: asTerm(1),
    prevLogIndex: asIndex(index - 1),
    prevLogTerm: asTerm(1),
    leaderCommit: asIndex(0),
    entries: [
      { index: asIndex(index), term: asTerm(1), kind: "records", data: new Uint8Array(bytes) },
    ],
  };
}

let server: Server;
let sockets: WebSocketServer;
let inbound: InboundLink[];
let connections: Socket[];
let received: number[];
let faults: LinkFault[];
let link: DataLink | undefined;

beforeEach(async () => {
  [inbound, connections, received, faults] = [[], [], [], []];
  server = createServer();
  sockets = new WebSocketServer({ server, path: PEER_PATH, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on("connection", (socket, request) => {
    const accepted: InboundLink = new InboundLink({
      socket,
      connection: request.socket,
      helloTimeoutMs: 1000,
      maxQueueBytes: 1024 * 1024,
      onHello: () => ({
        greeting: [{ kind: "welcome", clusterId: "x", node: "b", member: asMemberId(2) }],
        onBytes: (bytes) => {
          const frame = decodeFrame(bytes);
          if (frame.kind === "append") received.push(...indexes(decodeMessages(frame.bytes)));
          accepted.release(bytes.length);
        },
        onClose: () => {},
      }),
      onFault: () => {},
    });
    inbound.push(accepted);
    connections.push(request.socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  link?.close();
  for (const accepted of inbound)
    accepted.close({ code: "ERR_NODE_STOPPING", reason: "end of the test" });
  for (const connection of connections) connection.destroy();
  sockets.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function indexes(messages: readonly Message[]): number[] {
  return messages.flatMap((message) =>
    message.kind === "appendEntries" ? message.entries.map((entry) => entry.index) : [],
  );
}

function dial(
  options: {
    maxQueuedBytes?: number;
    ledger?: Ledger;
    onMessages?: (messages: readonly Message[]) => void;
  } = {},
): DataLink {
  const { port } = server.address() as AddressInfo;
  link = new DataLink({
    url: `ws://127.0.0.1:${port}${PEER_PATH}`,
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
    ledger: options.ledger ?? new Ledger(),
    maxQueuedBytes: options.maxQueuedBytes ?? 1024 * 1024,
    maxQueuedMessages: 100,
    handshakeTimeoutMs: 1000,
    progressTimeoutMs: 60_000,
    backoff: new Backoff({ initialMs: 1, maxMs: 10, randomBelow: () => 0 }),
    blobs: new MemoryBlobs(),
    blobPermits: new Permits(1),
    onMessages: options.onMessages ?? (() => {}),
    onLost: (fault) => void faults.push(fault),
  });
  return link;
}

function grant(entries: number, bytes: number): void {
  inbound.at(-1)?.send(encodeFrame({ kind: "grant", entries, bytes }));
}

async function untilOpen(data: DataLink): Promise<void> {
  await vi.waitUntil(() => data.open, WAIT);
}

describe("a data link", () => {
  it("sends nothing without credit, and no more than it is granted plus one item", async () => {
    const data = dial();
    data.send([append(1), append(2, 200_000), append(3, 200_000)]);
    await untilOpen(data);
    expect(received).toEqual([]);
    grant(1, 1);
    await vi.waitUntil(() => received.length > 0, WAIT);
    expect(received).toEqual([1]);
    expect(data.credit().bytes).toBeLessThanOrEqual(0);
    grant(10, 10_000_000);
    await vi.waitUntil(() => received.length === 3, WAIT);
    expect(received).toEqual([1, 2, 3]);
    expect(data.queuedBytes).toBe(0);
  });

  it("puts what waits into one frame as far as it fits", async () => {
    const frames: number[] = [];
    const data = dial();
    await untilOpen(data);
    sockets.clients.forEach((socket) =>
      socket.on("message", (bytes: Buffer) => void frames.push(bytes.length)),
    );
    data.send([1, 2, 3, 4].map((index) => append(index, 60_000)));
    grant(100, 10_000_000);
    await vi.waitUntil(() => received.length === 4, WAIT);
    expect(frames.length).toBe(2);
    for (const bytes of frames) expect(bytes).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
  });

  it("gives up what waits beyond its cap and says so, instead of growing", async () => {
    const data = dial({ maxQueuedBytes: 1 });
    await untilOpen(data);
    data.send([append(1, 100)]);
    expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
    expect(data.queuedBytes).toBe(0);
  });

  it("a peer that reads nothing costs the cap of its socket and of its queue, and one item each", async () => {
    const ledger = new Ledger();
    const data = dial({ ledger });
    await untilOpen(data);
    grant(10_000, 1 << 30);
    await vi.waitUntil(() => data.credit().entries === 10_000, WAIT);
    const itemBytes = 100_000;
    connections[0]?.pause();
    for (let index = 1; faults.length === 0; index++) {
      data.send([append(index, itemBytes)]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
    const { "send.queue": queue, "send.socket": socket } = ledger.read();
    expect(queue?.largest).toBeGreaterThan(1024 * 1024);
    expect(queue?.largest).toBeLessThanOrEqual(1024 * 1024 + itemBytes);
    expect(socket?.largest).toBeGreaterThan(MAX_MESSAGE_BYTES);
    expect(socket?.largest).toBeLessThanOrEqual(2 * MAX_MESSAGE_BYTES);
    data.close();
    expect([ledger.family("send.queue").read(), ledger.family("send.socket").read()]).toMatchObject(
      [{ current: 0 }, { current: 0 }],
    );
  });

  it("dials anew after a drop, with a fresh credit", async () => {
    const data = dial();
    await untilOpen(data);
    grant(100, 10_000_000);
    await vi.waitUntil(() => data.credit().entries === 100, WAIT);
    inbound[0]?.close({ code: "ERR_WORKER_LOST", reason: "the worker is gone" });
    await vi.waitUntil(() => inbound.length === 2 && data.open, WAIT);
    expect(faults).toMatchObject([{ code: "ERR_WORKER_LOST" }]);
    expect(data.credit()).toEqual({ entries: 0, bytes: 0 });
  });

  it("hands on the acks that come back", async () => {
    const acks: Message[] = [];
    const data = dial({ onMessages: (messages) => void acks.push(...messages) });
    await untilOpen(data);
    const ack: Message = {
      kind: "appendEntriesResponse",
      from: asMemberId(2),
      to: asMemberId(1),
      term: asTerm(1),
      index: asIndex(1),
      rejected: false,
      hintIndex: asIndex(0),
      hintTerm: asTerm(0),
    };
    inbound[0]?.send(encodeFrame({ kind: "response", epoch: 1, bytes: encodeMessages([ack]) }));
    await vi.waitUntil(() => acks.length > 0, WAIT);
    expect(acks).toEqual([ack]);
  });

  it("leaves no connection behind when it closes", async () => {
    const data = dial();
    await untilOpen(data);
    data.close();
    await vi.waitUntil(() => sockets.clients.size === 0, WAIT);
    expect(inbound).toHaveLength(1);
  });
});
