// Goal: each request that is sent is settled once, also over a lost connection; a node that takes less is an error before anything is sent.
// Method: a server of the field's library that speaks the client stream as the test says.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { splitStreamMessage, streamHead } from "@annals/wire";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { Outcome } from "../src/load/outcome.ts";
import { StreamCarrier } from "../src/load/streamCarrier.ts";

const PROTOCOL = "annals.v1.msgpack";
const WAIT = { timeout: 5000, interval: 5 };

let server: WebSocketServer;
let carrier: StreamCarrier;
let appends = 64;
let asked: {
  readonly socket: WebSocket;
  readonly log: string;
  readonly id: number;
  readonly body: string;
}[] = [];
let settled: [slot: number, outcome: Outcome][] = [];

function send(socket: WebSocket, fields: Record<string, string | number>, body = ""): void {
  const head = streamHead(PROTOCOL, new Map(Object.entries(fields)));
  socket.send(Buffer.concat([head, Buffer.from(body)]), { binary: true });
}

beforeEach(async () => {
  [appends, asked, settled] = [64, [], []];
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      const { fields, body } = splitStreamMessage(PROTOCOL, data as Buffer);
      const log = String(fields.get("log"));
      asked.push({ socket, log, id: Number(fields.get("id")), body: Buffer.from(body).toString() });
    });
    send(socket, { kind: "open", appends, bytes: 1000 });
  });
  await once(server, "listening");
  carrier = new StreamCarrier({
    addresses: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
    log: "audit",
    slots: 3,
    format: "msgpack",
    bodies: [Buffer.from("one"), Buffer.from("second")],
  });
});

afterEach(async () => {
  await carrier.close();
  for (const client of server.clients) client.terminate();
  server.close();
});

async function untilAsked(count: number): Promise<void> {
  await vi.waitUntil(() => asked.length === count, WAIT);
}

test("answers in any order settle their own slots, with what they say", async () => {
  await carrier.open((slot, outcome) => settled.push([slot, outcome]));
  for (const slot of [0, 1, 2]) carrier.send(slot);
  await untilAsked(3);
  expect(asked.map(({ body }) => body)).toEqual(["one", "second", "one"]);
  expect(new Set(asked.map(({ log }) => log))).toEqual(new Set(["audit"]));
  const [first, second, third] = asked;
  if (first === undefined || second === undefined || third === undefined) throw new RangeError();
  send(third.socket, { kind: "appended", id: third.id, firstSeq: 7, lastSeq: 8, count: 2 });
  send(first.socket, { kind: "error", id: first.id }, '{"code":"ERR_OVERLOADED"}');
  send(second.socket, { kind: "error", id: second.id }, '{"code":"ERR_OUTCOME_UNKNOWN"}');
  send(second.socket, { kind: "appended", id: second.id, firstSeq: 9, lastSeq: 9, count: 1 });
  await vi.waitUntil(() => settled.length === 3, WAIT);
  expect(settled).toEqual([
    [2, { kind: "accepted", firstSeq: 7, count: 2 }],
    [0, { kind: "refused", code: "ERR_OVERLOADED" }],
    [1, { kind: "unknown", code: "ERR_OUTCOME_UNKNOWN" }],
  ]);
});

test("a lost connection settles what is on its way as unknown; what is sent then goes over the next one", async () => {
  await carrier.open((slot, outcome) => {
    settled.push([slot, outcome]);
    if (settled.length === 1) carrier.send(slot);
  });
  carrier.send(1);
  await untilAsked(1);
  asked[0]?.socket.terminate();
  await untilAsked(2);
  expect(settled).toEqual([[1, { kind: "unknown", code: "connection lost" }]]);
  const again = asked[1];
  expect(again?.id).toBe(2);
  if (again !== undefined)
    send(again.socket, { kind: "appended", id: 2, firstSeq: 1, lastSeq: 1, count: 1 });
  await vi.waitUntil(() => settled.length === 2, WAIT);
  expect(settled[1]).toEqual([1, { kind: "accepted", firstSeq: 1, count: 1 }]);
});

test("closing settles what is on its way", async () => {
  await carrier.open((slot, outcome) => settled.push([slot, outcome]));
  carrier.send(0);
  await carrier.close();
  expect(settled).toEqual([[0, { kind: "unknown", code: "connection lost" }]]);
});

test("a node that takes fewer appends than there are slots is an error that says both", async () => {
  appends = 2;
  await expect(carrier.open(() => undefined)).rejects.toThrow(
    "3 requests of 6 bytes on one connection, the node takes 2 of 1000 bytes",
  );
});
