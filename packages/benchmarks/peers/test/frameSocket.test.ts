// Goal: messages arrive whole, both ways, of any size. Method: the server side is a library of the field, which also checks our masking.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { FrameSocket, frameHeader } from "@annals/load";

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 300_000, 3_000_000];

let server: WebSocketServer;
let address: string;

beforeEach(async () => {
  server = new WebSocketServer({
    port: 0,
    host: "127.0.0.1",
    handleProtocols: () => "echo",
    perMessageDeflate: false,
  });
  server.on("connection", (socket) => {
    socket.on("message", (data) => {
      socket.ping("are you there");
      const bytes = Buffer.from(data as Buffer);
      const half = bytes.length >> 1;
      socket.send(bytes.subarray(0, half), { binary: true, fin: false });
      socket.send(bytes.subarray(half), { binary: true, fin: true });
    });
    socket.on("pong", (data) => socket.send(`pong: ${String(data)}`, { binary: true }));
  });
  await once(server, "listening");
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

test("messages of every kind of length come back in two frames as they were, in order, and pings are answered", async () => {
  const echoed: Buffer[] = [];
  let pongs = 0;
  const done = Promise.withResolvers<void>();
  const socket = await FrameSocket.connect(address, "/", "echo", {
    onMessage: (payload) => {
      // Copied: what is handed over is a view of what the socket has received.
      if (payload.toString("latin1", 0, 5) === "pong:") pongs++;
      else echoed.push(Buffer.from(payload));
      if (echoed.length === SIZES.length && pongs === SIZES.length) done.resolve();
    },
    onClose: () => done.reject(new Error("closed")),
  });
  const messages = SIZES.map((size) => Buffer.alloc(size, "abc"));
  for (const message of messages) {
    const half = message.length >> 1;
    socket.send(frameHeader(message.length), message.subarray(0, half), message.subarray(half));
  }
  await done.promise;
  socket.close();
  expect(echoed.map((message, k) => message.equals(messages[k] ?? Buffer.alloc(0)))).toEqual(
    SIZES.map(() => true),
  );
});

test("a server that takes no WebSocket is an error that names it", async () => {
  server.options.verifyClient = () => false;
  const handlers = { onMessage: () => undefined, onClose: () => undefined };
  await expect(FrameSocket.connect(address, "/x", "echo", handlers)).rejects.toThrow(
    `${address}/x answered 401`,
  );
});

test("a connection that ends is told once", async () => {
  const closed = Promise.withResolvers<void>();
  let times = 0;
  await FrameSocket.connect(address, "/", "echo", {
    onMessage: () => undefined,
    onClose: () => {
      times++;
      closed.resolve();
    },
  });
  for (const client of server.clients) client.close();
  await closed.promise;
  expect(times).toBe(1);
});
