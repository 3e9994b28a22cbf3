// Goal: what a link has read gives its memory back, and no message loses a byte by it. Method: messages of all sizes, whole and in pieces,
// over a real connection whose chunks the test keeps.
import { once } from "node:events";
import { encodeFrame } from "@annals/wire";
import { afterEach, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { ReadChunks } from "../src/readChunks.ts";
import { hello, Loopback, WELCOME } from "./loopback.ts";

const MAX_MESSAGE_BYTES = 4 * 2 ** 20;
const SIZES = [0, 1, 100, 65_535, 65_536, 70_000, 1_000_000, 5, 3_000_000, 65_526, 131_072];

let peer: Loopback | undefined;
afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

it("messages come as they were, and chunks that are done with hold nothing", async () => {
  const received: Buffer[] = [];
  const chunks: Buffer[] = [];
  peer = await Loopback.start({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    maxQueueBytes: 2 ** 30,
    handler: () => ({
      greeting: [WELCOME],
      onBytes: (bytes) => void received.push(Buffer.from(bytes.buffer)),
      onClose: () => {},
    }),
  });
  const client = new WebSocket(peer.url);
  await once(client, "open");
  client.send(encodeFrame({ kind: "hello", epoch: 1, ...hello("data", MAX_MESSAGE_BYTES) }));
  await once(client, "message");
  peer.connections[0]?.on("data", (chunk: Buffer) => void chunks.push(chunk));
  const messages = SIZES.flatMap((size, k) =>
    [0, 1, 2].map((round) => Buffer.alloc(size, `${k} ${round};`)),
  );
  for (const [k, message] of messages.entries()) {
    if (k % 3 === 0) {
      client.send(message);
      continue;
    }
    // The last piece may be empty, and the message then a view of what one earlier chunk has brought.
    const cut = k % 3 === 1 ? message.length >> 1 : message.length;
    client.send(message.subarray(0, cut), { fin: false });
    client.send(message.subarray(cut), { fin: true });
  }
  await vi.waitUntil(() => received.length >= messages.length, { timeout: 5000, interval: 5 });
  client.terminate();
  expect(received.map((one, k) => one.equals(messages[k] ?? Buffer.alloc(0)))).toEqual(
    messages.map(() => true),
  );
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  expect(chunks.length).toBeGreaterThan(10);
  expect(bytes).toBeLessThan(3 * 65_536);
});

it("keeps what was handed on as it is", () => {
  const chunks = new ReadChunks();
  const [early, whole, late] = [new Uint8Array(8), new Uint8Array(8), new Uint8Array(8)];
  chunks.read(early);
  // In the chunk that is being read now, two messages end: one of them is an earlier chunk, the other one this chunk itself.
  chunks.message(early);
  chunks.message(whole);
  chunks.read(whole);
  chunks.message(new Uint8Array(8));
  chunks.read(late);
  chunks.message(new Uint8Array(8));
  expect([early, whole, late].map(({ length }) => length)).toEqual([8, 8, 0]);
});
