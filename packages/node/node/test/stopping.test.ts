/**
 * Goal: a node ends when it is asked to, whatever its connections are up to. Method: a real node, plain sockets that stand still in every
 * phase of a request and of a WebSocket.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { PEER_PATH } from "@annals/transport";
import { STREAM_PROTOCOLS } from "@annals/wire";
import { expect, test } from "vitest";
import { startTestNode, stopTestNode, untilReady } from "@annals/fake-server";

const HEAD = "Host: x\r\ncontent-type: application/json\r\n";
const UPGRADE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n";

/** What is sent, and whether it is answered before it stands still. */
const STANDS_STILL: readonly (readonly [what: string, bytes: string, isAnswered: boolean])[] = [
  ["nothing was sent", "", false],
  ["half of a first head", "GET /v1/cluster HTTP/1.1\r\nHost", false],
  ["a whole request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", true],
  ["half of a second head", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal", true],
  [
    "a head without its body",
    `POST /v1/logs/audit/records HTTP/1.1\r\n${HEAD}content-length: 9\r\n\r\n`,
    false,
  ],
  [
    "half of a chunk",
    `POST /v1/logs/audit/records HTTP/1.1\r\n${HEAD}transfer-encoding: chunked\r\n\r\n9\r\n{`,
    false,
  ],
  [
    "many requests, and no answer is read",
    "GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".repeat(50),
    true,
  ],
  ["a long poll", "GET /v1/logs/audit/records?wait=30s HTTP/1.1\r\nHost: x\r\n\r\n", false],
  ["a WebSocket of a node that says nothing", `GET ${PEER_PATH} HTTP/1.1\r\n${UPGRADE}\r\n`, true],
  [
    "a WebSocket of a client that says nothing",
    `GET /v1/stream HTTP/1.1\r\n${UPGRADE}Sec-WebSocket-Protocol: ${STREAM_PROTOCOLS[0]}\r\n\r\n`,
    true,
  ],
];

async function open(url: string, bytes: string, isAnswered: boolean): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(bytes);
  if (isAnswered) await once(socket, "readable");
  return socket;
}

// Each grace of the stop is waited for once; without an end of their own such connections last two minutes.
test("a node stops though connections stand still in every phase", {
  timeout: 60_000,
}, async () => {
  const solo = await startTestNode();
  await untilReady(solo.node);
  const sockets: Socket[] = [];
  for (const [, bytes, isAnswered] of STANDS_STILL)
    sockets.push(await open(solo.node.url, bytes, isAnswered));
  // On the same loop, so what was sent before it has been read.
  await (await fetch(`${solo.node.url}/healthz`, { headers: { connection: "close" } })).text();
  const ends = sockets.map((socket) => once(socket.resume(), "close"));
  await solo.node.close();
  expect(await solo.node.closed).toEqual({ code: 0 });
  await Promise.all(ends);
  await stopTestNode(solo);
});
