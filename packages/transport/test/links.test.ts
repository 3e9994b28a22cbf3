// Goal: whoever does not read, or has not said who it is, costs a bounded amount and then its link.
// Method: links on loopback whose other side stops reading, or sends a large frame first.
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { Backoff, GaugeFamily } from "@annals/flow";
import { asMemberId } from "@annals/raft";
import { BUFFERED_BYTES_MAX, ControlLink, HELLO_BYTES_MAX, InboundLink } from "@annals/transport";
import type { LinkFault } from "@annals/transport";
import { encodeFrame } from "@annals/wire";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WebSocket, WebSocketServer } from "ws";

const MAX_MESSAGE_BYTES = 8 << 20;

let server: Server;
let sockets: WebSocketServer;
let inbound: { link: InboundLink; connection: Socket }[];
let faults: LinkFault[];
let buffered: GaugeFamily;
let url: string;

beforeEach(async () => {
  [inbound, faults, buffered] = [[], [], new GaugeFamily()];
  server = createServer();
  sockets = new WebSocketServer({ server, maxPayload: MAX_MESSAGE_BYTES });
  sockets.on("connection", (socket, { socket: connection }) => {
    const link = new InboundLink({
      socket,
      connection,
      helloTimeoutMs: 5000,
      maxQueueBytes: MAX_MESSAGE_BYTES,
      onHello: () => ({
        greeting: [{ kind: "welcome", clusterId: "x", node: "b", member: asMemberId(2) }],
        unread: buffered,
        onBytes: () => undefined,
        onClose: (fault) => void faults.push(fault),
      }),
      onFault: (fault) => void faults.push(fault),
    });
    inbound.push({ link, connection });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  for (const { connection } of inbound) connection.destroy();
  sockets.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const hello = () => ({
  protocol: 1,
  cluster: "x",
  clusterId: "x",
  node: "a",
  member: asMemberId(1),
  address: "",
  fingerprint: "",
  purpose: "control" as const,
  logId: undefined,
  limits: { maxMessageBytes: MAX_MESSAGE_BYTES },
});

it("a stranger's frame is not even assembled before its hello", async () => {
  const client = new WebSocket(url);
  client.on("error", () => undefined);
  await new Promise((resolve) => client.once("open", resolve));
  // Never finished: without a bound the node would wait for the rest with all of it in memory.
  client.send(new Uint8Array(MAX_MESSAGE_BYTES / 2), { fin: false });
  await vi.waitUntil(() => faults.length > 0);
  expect(faults).toMatchObject([{ code: "ERR_FRAME_TOO_LARGE" }]);
  const read = inbound[0]?.connection.bytesRead ?? Number.POSITIVE_INFINITY;
  expect(read).toBeLessThanOrEqual(HELLO_BYTES_MAX + 2 * 64 * 1024);
  client.terminate();
});

it("a leader that reads nothing is let go of when its acknowledgements pile up", async () => {
  const client = new WebSocket(url);
  client.on("error", () => undefined);
  await new Promise((resolve) => client.once("open", resolve));
  client.send(encodeFrame({ kind: "hello", epoch: 1, ...hello() }));
  await new Promise((resolve) => client.once("message", resolve));
  client.pause();
  const grant = encodeFrame({ kind: "grant", entries: 1, bytes: 1 });
  await vi.waitUntil(
    () => {
      for (let k = 0; k < 1000; k++) inbound[0]?.link.send(grant);
      return faults.length > 0;
    },
    { timeout: 20_000, interval: 0 },
  );
  expect(faults).toMatchObject([{ code: "ERR_LINK_CONGESTED" }]);
  const { current, largest } = buffered.read();
  expect(largest).toBeGreaterThan(BUFFERED_BYTES_MAX);
  expect(largest).toBeLessThan(BUFFERED_BYTES_MAX + 1024);
  expect(current).toBe(0);
  client.terminate();
});

it("heartbeats for a node that reads nothing are dropped beyond their cap", async () => {
  const parcel = new Uint8Array(64 * 1024);
  const sent = new GaugeFamily();
  const link = new ControlLink({
    url,
    hello,
    buffered: sent,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    handshakeTimeoutMs: 5000,
    backoff: new Backoff({ initialMs: 10, maxMs: 10, randomBelow: () => 0 }),
    onOpen: () => undefined,
    onFrame: () => undefined,
    onDown: () => undefined,
  });
  await vi.waitUntil(() => link.open);
  inbound[0]?.connection.pause();
  await vi.waitUntil(
    () => {
      link.send(1, parcel);
      return link.dropped > 100;
    },
    { timeout: 20_000, interval: 0 },
  );
  expect(sent.read().largest).toBeGreaterThan(0);
  expect(sent.read().largest).toBeLessThanOrEqual(BUFFERED_BYTES_MAX + 2 * parcel.length);
  link.close();
  expect(sent.read().current).toBe(0);
});
