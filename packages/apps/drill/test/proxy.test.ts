/**
 * Goal: the proxy brings every byte in order, as late as told, never hoards more than its bound, and cuts what it is told to cut. Method:
 * real sockets on loopback; time and chance belong to the test.
 */
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Direction } from "../src/proxy/direction.ts";
import { FaultProxy } from "../src/proxy/faultProxy.ts";
import { LinkMatrix } from "../src/proxy/linkMatrix.ts";
import { PIPE_BYTES_MAX } from "../src/proxy/pipe.ts";
import type { ProxyClock } from "../src/proxy/pipe.ts";

const HOST = "127.0.0.1";

/** Time stands still until the test moves it. */
class ManualClock implements ProxyClock {
  chance = 1;
  #nowMs = 0;
  readonly #waiting = new Map<object, { readonly atMs: number; readonly run: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  random(): number {
    return this.chance;
  }

  after(ms: number, run: () => void): () => void {
    const key = {};
    this.#waiting.set(key, { atMs: this.#nowMs + ms, run });
    return () => this.#waiting.delete(key);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    for (const [key, { atMs, run }] of this.#waiting) {
      if (atMs > this.#nowMs) continue;
      this.#waiting.delete(key);
      run();
    }
  }
}

/** One end, with what has arrived there. */
class End {
  received = "";
  ended = false;
  error: string | undefined;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => (this.received += bytes.toString("latin1")));
    socket.on("end", () => (this.ended = true));
    socket.on("error", (error: NodeJS.ErrnoException) => (this.error = error.code));
  }
}

let clock: ManualClock;
let there: Direction;
let back: Direction;
let server: Server;
let proxy: FaultProxy;
let far: End[];
const opened: Socket[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  there = new Direction();
  back = new Direction();
  far = [];
  server = createServer({ allowHalfOpen: true }, (socket) => {
    opened.push(socket);
    far.push(new End(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as AddressInfo;
  const target = { host: HOST, port };
  proxy = await FaultProxy.start({
    listenHost: HOST,
    target,
    sourceHost: undefined,
    there,
    back,
    clock,
  });
});

afterEach(async () => {
  await proxy.close();
  for (const socket of opened.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(address = proxy.address): End {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  opened.push(socket);
  return new End(socket);
}

/** A connection through the proxy that has carried a byte each way. */
async function joined(): Promise<{ near: End; end: End }> {
  const before = far.length;
  const near = dial();
  near.socket.write("<");
  await vi.waitFor(() => expect(far[before]?.received).toBe("<"));
  const end = far[before];
  if (end === undefined) throw new Error("no connection");
  end.socket.write(">");
  await vi.waitFor(() => expect(near.received).toBe(">"));
  return { near, end };
}

it("passes bytes and ends both ways", async () => {
  const { near, end } = await joined();
  near.socket.end("last words");
  await vi.waitFor(() => expect(end.ended).toBe(true));
  expect(end.received).toBe("<last words");
  end.socket.end("answer");
  await vi.waitFor(() => expect(near.ended).toBe(true));
  expect(near.received).toBe(">answer");
  await vi.waitFor(() => expect(proxy.connections).toBe(0));
});

it("holds one direction while it is stalled, the other one flows, and nothing is lost when it heals", async () => {
  const { near, end } = await joined();
  const heal = there.impair({ stalled: true });
  near.socket.write("held");
  end.socket.write("flows");
  await vi.waitFor(() => expect(near.received).toBe(">flows"));
  expect(end.received).toBe("<");
  heal();
  await vi.waitFor(() => expect(end.received).toBe("<held"));
});

it("lets no new connection through a stalled direction, and all of them when it heals", async () => {
  const heal = back.impair({ stalled: true });
  const near = dial();
  near.socket.write("early");
  await vi.waitFor(() => expect(proxy.connections).toBe(1));
  expect(far).toHaveLength(0);
  heal();
  await vi.waitFor(() => expect(far[0]?.received).toBe("early"));
});

it("brings everything as late as told, in order", async () => {
  const { near, end } = await joined();
  there.impair({ delayMs: 100 });
  near.socket.write("one");
  await vi.waitFor(() => expect(clock.waiting).toBe(1));
  clock.advance(99);
  expect(end.received).toBe("<");
  clock.advance(1);
  await vi.waitFor(() => expect(end.received).toBe("<one"));
});

it("does not let bytes wait longer for a delay that is over", async () => {
  const { near, end } = await joined();
  const heal = there.impair({ delayMs: 60_000 });
  near.socket.write("late");
  await vi.waitFor(() => expect(clock.waiting).toBe(1));
  heal();
  await vi.waitFor(() => expect(end.received).toBe("<late"));
});

it("throttles: the next piece waits until the line is free", async () => {
  const { near, end } = await joined();
  there.impair({ bytesPerSecond: 1000 });
  near.socket.write("x".repeat(500));
  await vi.waitFor(() => expect(clock.waiting).toBe(1));
  clock.advance(499);
  expect(end.received).toBe("<");
  clock.advance(1);
  await vi.waitFor(() => expect(end.received).toHaveLength(501));
});

it("makes a lost piece late, and now and then cuts the connection", async () => {
  const { near, end } = await joined();
  there.impair({ loss: 0.5 });
  clock.chance = 0.3;
  near.socket.write("again");
  await vi.waitFor(() => expect(clock.waiting).toBe(1));
  clock.advance(200);
  await vi.waitFor(() => expect(end.received).toBe("<again"));
  clock.chance = 0.05;
  near.socket.write("gone");
  await vi.waitFor(() => expect(end.error).toBe("ECONNRESET"));
  expect(end.received).toBe("<again");
});

it("resets every connection on both sides, and takes new ones", async () => {
  const { near, end } = await joined();
  expect(proxy.reset()).toBe(1);
  await vi.waitFor(() => expect([near.error, end.error]).toEqual(["ECONNRESET", "ECONNRESET"]));
  await joined();
});

it("stops reading a sender when it holds its bound", async () => {
  const { near } = await joined();
  there.impair({ stalled: true });
  const bytes = 64 * 1024 * 1024;
  near.socket.write(Buffer.alloc(bytes));
  // What the proxy does not take fills the kernel's buffers and then waits at the sender.
  await vi.waitFor(() => expect(near.socket.bytesWritten).toBeGreaterThan(PIPE_BYTES_MAX));
  expect(near.socket.writableLength).toBeGreaterThan(bytes / 2);
});

it("a target that refuses is told to whoever dialled", async () => {
  await new Promise((resolve) => server.close(resolve));
  const near = dial();
  await vi.waitFor(() => expect(near.error).toBe("ECONNRESET"));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
});

it("a matrix impairs a direction for the connections of both ends", async () => {
  const { port } = server.address() as AddressInfo;
  const addresses = new Map([
    ["a", `${HOST}:${port}`],
    ["b", `127.0.0.2:${port}`],
  ]);
  const matrix = await LinkMatrix.start({ addresses, listenHost: HOST, clock });
  try {
    // b dials a: what a says to b comes back on this connection.
    const near = dial(Object.values(matrix.routesOf("b", addresses))[0]);
    near.socket.write("to a");
    await vi.waitFor(() => expect(far[0]?.received).toBe("to a"));
    const heal = matrix.impair([["a", "b"]], { stalled: true });
    far[0]?.socket.write("to b");
    near.socket.write(", more");
    await vi.waitFor(() => expect(far[0]?.received).toBe("to a, more"));
    expect(near.received).toBe("");
    heal();
    await vi.waitFor(() => expect(near.received).toBe("to b"));
    expect(matrix.reset("a", "b")).toBe(1);
    expect(matrix.reset("a", "b")).toBe(0);
  } finally {
    await matrix.close();
  }
});
