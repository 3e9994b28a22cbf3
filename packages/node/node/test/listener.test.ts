/**
 * Goal: a node listens on every address of its host with one set of caps and timeouts, and waits for a name that is not known yet. Method: the
 * real HTTP server on two loopback addresses, a name server of the test's own, plain sockets.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { freePort, LIMITS, startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import pino from "pino";
import { afterEach, expect, test } from "vitest";
import { listenOn } from "../src/listener.ts";

const BOTH = ["127.0.0.1", "127.0.0.2"];

let server: TestServer | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close();
  server = undefined;
});

interface Listening {
  readonly lookup: (host: string) => Promise<readonly string[]>;
  readonly lines?: Record<string, unknown>[];
  readonly signal?: AbortSignal;
  readonly host?: string;
  readonly options?: Parameters<typeof startTestServer>[0];
}

async function start({ lookup, lines, signal, host, options }: Listening): Promise<number> {
  const port = await freePort();
  const logger = pino({ level: "info" }, { write: (line) => void lines?.push(JSON.parse(line)) });
  server = await startTestServer({
    ...options,
    listen: (app) =>
      listenOn(app, {
        address: { host: host ?? "node.test", port },
        logger,
        signal: signal ?? new AbortController().signal,
        lookup,
      }),
  });
  return port;
}

async function ask(host: string, port: number): Promise<{ socket: Socket; answer: string }> {
  const socket = connect({ host, port });
  sockets.push(socket);
  socket.on("error", () => undefined);
  socket.write("GET /v1/logs HTTP/1.1\r\nhost: x\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  return { socket, answer: answer.toString() };
}

const notFound = (): Error => Object.assign(new Error("no such name"), { code: "ENOTFOUND" });

test("caps hold over all addresses of the host together", async () => {
  const options = { connections: { ...LIMITS, max: 2 } };
  const port = await start({ lookup: async () => BOTH, options });
  for (const host of BOTH) expect((await ask(host, port)).answer).toContain("HTTP/1.1 200");
  for (const host of BOTH)
    expect((await ask(host, port)).answer).toContain("ERR_TOO_MANY_CONNECTIONS");
});

test("the timeout of heads holds on each address", async () => {
  const options = { headersTimeoutMs: 1 };
  const port = await start({ lookup: async () => BOTH, options });
  for (const host of BOTH) {
    const socket = connect({ host, port });
    sockets.push(socket);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect([host, answer.toString()]).toEqual([
      host,
      expect.stringContaining("ERR_REQUEST_TIMEOUT"),
    ]);
  }
});

test("a server that closes ends its listeners and idle connections on each address", async () => {
  const port = await start({ lookup: async () => BOTH });
  const kept = await Promise.all(BOTH.map((host) => ask(host, port)));
  const ended = Promise.all(kept.map(({ socket }) => once(socket, "close")));
  await server?.close();
  server = undefined;
  await ended;
  for (const host of BOTH) {
    const socket = connect({ host, port });
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  }
});

test("an address of the name that is not this machine's is told and left out", async () => {
  const lines: Record<string, unknown>[] = [];
  const port = await start({ lookup: async () => ["127.0.0.1", "192.0.2.1"], lines });
  expect((await ask("127.0.0.1", port)).answer).toContain("HTTP/1.1 200");
  expect(lines).toMatchObject([{ host: "node.test", address: "192.0.2.1" }]);
});

test("a name that does not resolve yet is asked for again, each time with a line", async () => {
  const lines: Record<string, unknown>[] = [];
  let asked = 0;
  const lookup = async (): Promise<readonly string[]> => {
    asked += 1;
    if (asked === 1) throw notFound();
    return asked === 2 ? [] : ["127.0.0.1"];
  };
  const port = await start({ lookup, lines });
  expect((await ask("127.0.0.1", port)).answer).toContain("HTTP/1.1 200");
  expect(lines).toMatchObject([
    { host: "node.test", code: "ENOTFOUND" },
    { host: "node.test", code: "ENODATA" },
  ]);
});

test("a node that is told to stop waits for no name", async () => {
  const stop = new AbortController();
  const lookup = async (): Promise<never> => {
    stop.abort();
    throw notFound();
  };
  await expect(start({ lookup, signal: stop.signal })).rejects.toMatchObject({
    code: "ERR_NODE_STOPPING",
  });
});

test("any other failure of the look-up, and a port in use, are the system's errors", async () => {
  const broken = Object.assign(new Error("refused"), { code: "EREFUSED" });
  await expect(start({ lookup: () => Promise.reject(broken) })).rejects.toBe(broken);
  const twice = async (): Promise<readonly string[]> => ["127.0.0.1", "0.0.0.0"];
  await expect(start({ lookup: twice })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("an address is not looked up", async () => {
  const lookup = (): Promise<never> => Promise.reject(new Error("asked for a name"));
  const port = await start({ lookup, host: "127.0.0.1" });
  expect((await ask("127.0.0.1", port)).answer).toContain("HTTP/1.1 200");
});
