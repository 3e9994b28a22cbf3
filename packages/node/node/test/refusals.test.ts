/**
 * Goal: whatever a node refuses, a peer that resets the connection does not end the process. Method: a real node, plain sockets that
 * send each request that is refused, and a reset before, during and after the answer.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { PEER_PATH } from "@annals/transport";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HANDSHAKES_MAX } from "@annals/config";
import { startTestNode, stopTestNode, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";

const CONNECTIONS_PER_ADDRESS = 8;
let test: TestNode;
const uncaught: unknown[] = [];
const take = (error: unknown): void => void uncaught.push(error);

beforeAll(async () => {
  process.on("uncaughtException", take);
  test = await startTestNode(
    `http: { maxConnections: 16, maxConnectionsPerAddress: ${CONNECTIONS_PER_ADDRESS} }\n`,
  );
  await untilReady(test.node);
});

afterAll(async () => {
  await stopTestNode(test);
  process.off("uncaughtException", take);
});

const UPGRADE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
const RECORDS = "POST /v1/logs/audit/records HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";

function upgrade(path: string, rest = "Sec-WebSocket-Version: 13\r\n"): string {
  return `GET ${path} HTTP/1.1\r\n${UPGRADE}${rest}\r\n`;
}

/** An upgrade that is answered as any request is, and asks for the end of its connection. */
function lastOf(request: string): string {
  return request.replace("Connection: Upgrade", "Connection: Upgrade, close");
}

const REFUSED: readonly (readonly [what: string, request: string, status: number])[] = [
  ["an upgrade of a path that is not served", lastOf(upgrade("/nothing")), 404],
  ["an upgrade below the path of links", lastOf(upgrade(`${PEER_PATH}/nothing`)), 404],
  [
    "a link of an unknown WebSocket version",
    upgrade(PEER_PATH, "Sec-WebSocket-Version: 7\r\n"),
    400,
  ],
  ["a link without a key", upgrade(PEER_PATH).replace(/Sec-WebSocket-Key.*\r\n/, ""), 400],
  ["a stream without its subprotocol", upgrade("/v1/stream"), 426],
  [
    "a stream from another origin",
    upgrade("/v1/stream", "Sec-WebSocket-Version: 13\r\nOrigin: http://evil\r\n"),
    403,
  ],
  ["an unknown route", "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404],
  ["what is no HTTP", "HELO x\r\n\r\n", 400],
  ["headers that are too large", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 400],
  [
    "a body that is too large",
    `${RECORDS}Content-Type: application/json\r\nContent-Length: 900000000\r\n\r\n{`,
    413,
  ],
  ["a body of no type", `${RECORDS}Content-Length: 1\r\n\r\n{`, 415],
];

const LIST = "GET /v1/logs HTTP/1.1\r\nHost: x\r\n\r\n";

type Moment = "before" | "during" | "after";
const MOMENTS: readonly Moment[] = ["before", "during", "after"];

function dial(): Socket {
  const port = Number(new URL(test.node.url).port);
  // Half-open, so that a reset can still follow the end of an answer.
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  socket.on("error", () => undefined);
  return socket;
}

/** Sends a request and resets the connection at the moment that is asked for. Resolves with the status, if one was read. */
async function resetAt(moment: Moment, request: string): Promise<number | undefined> {
  const socket = dial();
  let answer = "";
  socket.on("data", (part: Buffer) => {
    answer += part.toString("latin1");
    if (moment === "during") socket.resetAndDestroy();
  });
  const over = once(socket, "close");
  await once(socket, "connect");
  socket.write(request, () => {
    if (moment === "before") socket.resetAndDestroy();
  });
  if (moment === "after") {
    await Promise.race([once(socket, "end"), over]);
    socket.resetAndDestroy();
  }
  await over;
  return answer === "" ? undefined : Number(answer.split(" ")[1]);
}

/** The node answers twice: whatever the resets did to it has happened by the second time. */
async function alive(): Promise<void> {
  for (let k = 0; k < 2; k++) {
    const response = await fetch(`${test.node.url}/healthz`, { headers: { connection: "close" } });
    await response.arrayBuffer();
    expect(response.status).toBe(200);
  }
  expect(uncaught).toEqual([]);
}

describe.each(REFUSED)("%s", (_what, request, status) => {
  it.each(MOMENTS)("is refused, and a reset %s the answer harms nobody", async (moment) => {
    const found = await resetAt(moment, request);
    expect(found).toBe(moment === "before" ? undefined : status);
    await alive();
  });
});

describe("a link beyond those that have not said hello", () => {
  it.each(MOMENTS)("is refused, and a reset %s the answer harms nobody", async (moment) => {
    const silent: Socket[] = [];
    for (let k = 0; k < HANDSHAKES_MAX; k++) {
      const socket = dial();
      socket.write(upgrade(PEER_PATH));
      await once(socket, "data");
      silent.push(socket);
    }
    const found = await resetAt(moment, upgrade(PEER_PATH));
    expect(found).toBe(moment === "before" ? undefined : 503);
    const closed = silent.map((socket) => once(socket, "close"));
    for (const socket of silent) socket.resetAndDestroy();
    await Promise.all(closed);
    await alive();
  });
});

describe("a connection beyond those of one address", () => {
  it.each(MOMENTS)("is refused, and a reset %s the answer harms nobody", async (moment) => {
    const idle: Socket[] = [];
    for (let k = 0; k < CONNECTIONS_PER_ADDRESS; k++) {
      const socket = dial();
      // A connection is a client's when its first head has shown that it is.
      socket.write(LIST);
      await once(socket, "data");
      idle.push(socket);
    }
    const found = await resetAt(moment, LIST);
    expect(found).toBe(moment === "before" ? undefined : 503);
    const closed = idle.map((socket) => once(socket, "close"));
    for (const socket of idle) socket.resetAndDestroy();
    await Promise.all(closed);
    await expect.poll(async () => resetAt("after", LIST.replace("1.1", "1.0"))).toBe(200);
    await alive();
  });
});
