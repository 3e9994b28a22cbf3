/**
 * Goal: clients take no place from the cluster and its operator, silence takes none from anybody, and each kind of connection has its cap.
 * Method: a real HTTP server over a node in memory with caps of a few connections, plain sockets.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GOODBYES_MAX } from "@annals/config";
import { LIMITS, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { Ledger } from "@annals/flow";
import { PEER_PATH } from "@annals/transport";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ConnectionLimits } from "../src/connectionGuard.ts";

let server: TestServer;
let ledger: Ledger;
let sockets: Socket[];
beforeEach(() => {
  sockets = [];
  ledger = new Ledger();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await server.close();
});

interface Connection {
  readonly socket: Socket;
  readonly closed: Promise<string>;
}

function open(localAddress = "127.0.0.1"): Connection {
  const port = Number(server.url.split(":").at(-1));
  const socket = connect({ host: "127.0.0.1", port, localAddress });
  sockets.push(socket);
  let text = "";
  socket.setEncoding("utf8").on("data", (part: string) => (text += part));
  socket.on("error", () => undefined);
  return { socket, closed: once(socket, "close").then(() => text) };
}

function get(path: string, headers = "", localAddress?: string): Connection {
  const connection = open(localAddress);
  connection.socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n${headers}\r\n`);
  return connection;
}

const CLOSE = "connection: close\r\n";
const ASK = "/v1/logs";
const FROM_B = "annals-forwarded: b\r\n";

async function start(limits: Partial<ConnectionLimits>): Promise<void> {
  server = await startTestServer({ ledger, connections: { ...LIMITS, ...limits } });
}

/** A client that has asked, was answered, and stays. */
async function client(localAddress?: string): Promise<Connection> {
  const connection = get(ASK, "", localAddress);
  await once(connection.socket, "data");
  return connection;
}

const held = (name: string): number => ledger.read()[name]?.current ?? 0;

test("connections beyond the cap are told so and closed, and one that ends makes room", async () => {
  await start({ max: 1 });
  const first = await client();
  const refused = await get(ASK).closed;
  expect(refused).toContain("HTTP/1.1 503");
  expect(refused).toContain('"code":"ERR_TOO_MANY_CONNECTIONS"');
  expect(refused).toContain("retry-after: 1");
  first.socket.destroy();
  await first.closed;
  await expect.poll(() => get(ASK, CLOSE).closed).toContain("HTTP/1.1 200");
});

test("however many were turned away and have gone, the next one is told why, too", async () => {
  await start({ max: 1 });
  await client();
  for (let k = 0; k <= GOODBYES_MAX; k++)
    expect(await get(ASK).closed).toContain('"code":"ERR_TOO_MANY_CONNECTIONS"');
});

test("a connection that becomes a WebSocket has bounds of its own, and leaves its place to another one", async () => {
  await start({ max: 1, maxUndecided: 1 });
  const stream = get(
    "/v1/stream",
    "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" +
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: annals.v1.json\r\n",
  );
  const [answer] = await once(stream.socket, "data");
  expect(String(answer)).toContain("HTTP/1.1 101");
  expect([held("connections"), held("connections.undecided")]).toEqual([0, 0]);
  expect(await get(ASK, CLOSE).closed).toContain("HTTP/1.1 200");
  expect(stream.socket.destroyed).toBe(false);
});

test("an append beyond the cap is refused at once, its body unread, and counted once", async () => {
  await start({ max: 1 });
  await client();
  const append = open();
  append.socket.write(
    "POST /v1/logs/audit/records HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 60000\r\n\r\n",
  );
  expect(await append.closed).toContain('"code":"ERR_TOO_MANY_CONNECTIONS"');
  expect(server.desk.read().node.refused).toEqual({ ERR_TOO_MANY_CONNECTIONS: 1 });
});

test("connections of one address beyond its cap are told so; others are served", async () => {
  await start({ maxPerAddress: 1 });
  await client();
  expect(await get(ASK).closed).toContain('"code":"ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS"');
  expect(await get(ASK, CLOSE, "127.0.0.2").closed).toContain("HTTP/1.1 200");
  const { refused } = server.desk.read().node;
  expect(refused).toEqual({ ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS: 1 });
});

test.each(["/healthz", "/readyz", "/metrics", "/v1/cluster", "/healthz?verbose"])(
  "GET %s is answered and closed when clients hold every place",
  async (path) => {
    await start({ max: 1, maxOperator: 1 });
    await client();
    const answer = await get(path).closed;
    expect(answer).toContain("HTTP/1.1 200");
    expect(answer.toLowerCase()).toContain("connection: close");
    await expect.poll(() => held("connections.operator")).toBe(0);
  },
);

test("a connection that was let in for a probe has no place for anything else", async () => {
  await start({ max: 1 });
  await client();
  const sly = open();
  const ask = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
  sly.socket.write(ask("/healthz") + ask(ASK));
  const answer = await sly.closed;
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(1);
});

/** A probe that has its place and gets no answer before it is released. */
async function stuckProbe() {
  const release = Promise.withResolvers<void>();
  const { service } = server;
  const cluster = service.cluster.bind(service);
  service.cluster = async () => {
    await release.promise;
    return cluster();
  };
  const stuck = get("/v1/cluster");
  await expect.poll(() => held("connections.operator")).toBe(1);
  return { stuck, release: () => release.resolve() };
}

test("a probe that does not read its answer gives way to the next one", async () => {
  await start({ max: 1, maxOperator: 1 });
  await client();
  const { stuck, release } = await stuckProbe();
  expect(await get("/healthz").closed).toContain("HTTP/1.1 200");
  expect(await stuck.closed).toBe("");
  release();
});

test("probes that were answered and have gone do not keep a stuck one in its place", async () => {
  await start({ max: 1, maxOperator: 1 });
  await client();
  for (let k = 0; k < 2; k++) expect(await get("/healthz").closed).toContain("HTTP/1.1 200");
  await expect.poll(() => held("connections.operator")).toBe(0);
  const { stuck, release } = await stuckProbe();
  expect(await get("/healthz").closed).toContain("HTTP/1.1 200");
  expect(await stuck.closed).toBe("");
  expect(ledger.read()["connections.operator"]?.largest).toBe(1);
  release();
});

test("what nodes pass on has places of its own, so many for each node", async () => {
  await start({ max: 1, maxPerNode: 1 });
  await client();
  const passedOn = get(ASK, FROM_B);
  await once(passedOn.socket, "data");
  expect(held("connections.nodes")).toBe(1);
  expect(await get(ASK, `${FROM_B}${CLOSE}`).closed).toContain("ERR_TOO_MANY_CONNECTIONS");
  expect(await get(ASK, `annals-forwarded: c\r\n${CLOSE}`).closed).toContain("HTTP/1.1 200");
  expect(await get(ASK, `annals-forwarded: stranger\r\n${CLOSE}`).closed).toContain(
    "ERR_TOO_MANY_CONNECTIONS",
  );
});

test("more than a node may have count as clients while there is room", async () => {
  await start({ max: 1, maxPerNode: 1 });
  for (let k = 0; k < 2; k++) await once(get(ASK, FROM_B).socket, "data");
  expect([held("connections.nodes"), held("connections")]).toEqual([1, 1]);
});

test("silent connections give way to whoever speaks, those of the fullest address first", async () => {
  await start({ maxUndecided: 3 });
  const other = open("127.0.0.2");
  await expect.poll(() => held("connections.undecided")).toBe(1);
  const silent = [open(), open()];
  await expect.poll(() => held("connections.undecided")).toBe(3);
  const more = Array.from({ length: 50 }, () => open());
  const ends = await Promise.all(silent.map(({ closed }) => closed));
  for (const end of ends) expect(end).toContain('"code":"ERR_TOO_MANY_CONNECTIONS"');
  expect(await get(ASK, CLOSE).closed).toContain("HTTP/1.1 200");
  other.socket.write(`GET ${ASK} HTTP/1.1\r\nhost: x\r\n${CLOSE}\r\n`);
  expect(await other.closed).toContain("HTTP/1.1 200");
  for (const { socket } of more) socket.destroy();
  await expect.poll(() => held("connections.undecided")).toBe(0);
});

test("hundreds of silent connections at the real caps: nothing but they are turned away", async () => {
  await start({});
  const silent = Array.from({ length: 600 }, () => open());
  await Promise.all(silent.map(({ socket }) => once(socket, "connect")));
  expect(await get(ASK, CLOSE).closed).toContain("HTTP/1.1 200");
  expect(held("connections.undecided")).toBeLessThanOrEqual(LIMITS.maxUndecided);
});

test("a head that is not here in time ends its connection", async () => {
  server = await startTestServer({ ledger, headersTimeoutMs: 1 });
  expect(await open().closed).toContain("ERR_REQUEST_TIMEOUT");
  await expect.poll(() => held("connections.undecided")).toBe(0);
});

test("a dial of a peer needs no place among the clients, and a link counts no more", async () => {
  await start({ max: 1, maxPerAddress: 1 });
  await client();
  const upgraded: Duplex[] = [];
  server.app.server.removeAllListeners("upgrade");
  server.app.server.on("upgrade", (_request, socket) => {
    upgraded.push(socket);
    socket.write("HTTP/1.1 101 Yes\r\n\r\n");
  });
  const link = get(PEER_PATH, "connection: upgrade\r\nupgrade: websocket\r\n");
  const [answer] = await once(link.socket, "data");
  expect(answer).toContain("101");
  for (const socket of upgraded) socket.destroy();
});

test("no place is lost: when all have gone, nothing is held", async () => {
  await start({ max: 2, maxPerNode: 1, maxOperator: 1, maxUndecided: 2 });
  const kinds = [() => get(ASK), () => get(ASK, FROM_B), () => get("/healthz"), () => open()];
  for (let k = 0; k < 40; k++) kinds[k % kinds.length]?.();
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  expect(await get("/healthz", CLOSE).closed).toContain("HTTP/1.1 200");
  for (const socket of sockets) socket.destroy();
  const names = ["connections", "connections.undecided", "connections.nodes"];
  await expect.poll(() => names.map(held)).toEqual([0, 0, 0]);
  await expect.poll(() => held("connections.operator")).toBe(0);
});
