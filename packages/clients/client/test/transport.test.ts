// Goal: everything that a client sends goes through its transport, and only one that may follows a leader to another address. Method: a transport
// that notes what is asked of it, on top of the globals, and a server that says of itself that it is elsewhere.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { AnnalsClient } from "../src/annalsClient.ts";
import { globalTransport } from "../src/transport.ts";
import type { Transport } from "../src/transport.ts";

/** Nobody listens there. */
const ELSEWHERE = "127.0.0.1:1";
const RECORD = { actor: { id: "ada" }, action: "login" };

let server: TestServer;
let client: AnnalsClient;
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = await startTestServer({ address: ELSEWHERE });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  client.close();
  await server.close();
});

function clientOver(inner: Transport, change: Partial<Transport> = {}): AnnalsClient {
  const transport: Transport = {
    ...inner,
    fetch: (url, init) => {
      asked.push(`${init.method} ${url}`);
      return inner.fetch(url, init);
    },
    openSocket: (url, protocol) => {
      asked.push(`${protocol} ${url}`);
      return inner.openSocket(url, protocol);
    },
    ...change,
  };
  return new AnnalsClient({ urls: [server.url], transport });
}

async function appendTwice(): Promise<readonly string[]> {
  for (let k = 0; k < 2; k++) await client.append("audit", RECORD);
  return asked;
}

test("requests and streams go through it", async () => {
  client = clientOver(globalTransport(), { followsLeader: false });
  await client.append("audit", RECORD);
  for await (const { seq } of client.subscribe("audit")) if (seq === 1) break;
  expect(asked).toEqual([
    `POST ${server.url}/v1/logs/audit/records`,
    `annals.v1.json ${server.url.replace("http", "ws")}/v1/stream`,
  ]);
});

test("a program follows the leader to the address that it names", async () => {
  client = clientOver(globalTransport());
  const here = `POST ${server.url}/v1/logs/audit/records`;
  const there = `POST http://${ELSEWHERE}/v1/logs/audit/records`;
  expect(await appendTwice()).toEqual([here, there, here]);
});

test("a page asks none but the URLs that it was given", async () => {
  vi.stubGlobal("location", new URL(server.url));
  client = clientOver(globalTransport());
  const here = `POST ${server.url}/v1/logs/audit/records`;
  expect(await appendTwice()).toEqual([here, here]);
});

test("where there is a transport no global WebSocket is needed", async () => {
  vi.stubGlobal("WebSocket", undefined);
  expect(() => new AnnalsClient({ urls: [server.url] })).toThrow(/ lacks WebSocket: Node 22, /);
  client = clientOver({ ...globalTransport(), openSocket: () => expect.unreachable() });
  expect(await client.append("audit", RECORD)).toMatchObject({ firstSeq: 1 });
});
