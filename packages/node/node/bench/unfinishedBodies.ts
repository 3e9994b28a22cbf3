/**
 * What bodies of unknown length cost others: a node in this process, plain sockets beside it.
 *
 *     pnpm exec node --conditions=annals-source packages/node/node/bench/unfinishedBodies.ts [stalled bodies, default 10000]
 *
 * First 64 clients append one small record a request for five seconds each way, with Content-Length and chunked: the share of 429 must be
 * the same. Then so many bodies begin and stand still, and one append of 1 MiB has to get through within its deadline.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "@annals/config";
import { isSmoke } from "@annals/kit";
import pino from "pino";
import { startNode } from "../src/startNode.ts";

const STALLED = isSmoke() ? 50 : Number(process.argv[2] ?? 10_000);
const CLIENTS = 64;
const EACH_MS = isSmoke() ? 300 : 5000;
const DEADLINE_MS = 10_000;
const RECORD = '{"actor":{"id":"ada"},"action":"login"}';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const port = await freePort();
const directory = await mkdtemp(join(tmpdir(), "annals-bodies-"));
const connections = STALLED + 2 * CLIENTS + 16;
const text = `data: ${directory}
nodes: { a: "127.0.0.1:${port}" }
http: { maxConnections: ${connections}, maxConnectionsPerAddress: ${connections} }
ingest: { uploadGrace: 60s }
memory: { limit: 64GiB }
`;
const loaded = loadConfig({ text, env: {}, node: "a" });
if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
const node = await startNode(loaded.config, { logger: pino({ level: "error" }) });

function post(body: string, agent: Agent, chunked: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": "application/x-ndjson",
      ...(chunked ? { "transfer-encoding": "chunked" } : { "content-length": body.length }),
    };
    const path = "/v1/logs/audit/records";
    const sent = request({ port, path, method: "POST", headers, agent }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(answer.statusCode ?? 0));
    });
    sent.on("error", reject);
    if (chunked) {
      // The end comes a turn later, as from a client that streams.
      sent.write(body);
      setImmediate(() => sent.end());
    } else sent.end(body);
  });
}

async function share(chunked: boolean): Promise<{ requests: number; refused: number }> {
  const agent = new Agent({ keepAlive: true });
  const until = performance.now() + EACH_MS;
  const counts = { requests: 0, refused: 0 };
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (performance.now() < until) {
        const status = await post(RECORD, agent, chunked);
        counts.requests++;
        if (status === 429) counts.refused++;
      }
    }),
  );
  agent.destroy();
  return counts;
}

function stall(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.on("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => undefined);
      const head =
        "POST /v1/logs/audit/records HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
      socket.write(`${head}transfer-encoding: chunked\r\n\r\n400\r\n[${" ".repeat(1000)}`, () =>
        resolve(socket),
      );
    });
  });
}

while ((await fetch(`${node.url}/readyz`)).status !== 200) await delay(50);
for (const chunked of [false, true]) {
  const { requests, refused } = await share(chunked);
  const percent429 = Number(((100 * refused) / requests).toFixed(2));
  console.log(JSON.stringify({ bodies: chunked ? "chunked" : "announced", requests, percent429 }));
}
const stalled: Socket[] = [];
for (let k = 0; k < STALLED; k++) stalled.push(await stall());
const stats = (await (await fetch(`${node.url}/v1/ingest/stats`)).json()) as {
  node: { buffered: { bytes: { current: number; cap: number }; requests: { current: number } } };
};
const { bytes, requests } = stats.node.buffered;
console.log(
  JSON.stringify({ stalled: requests.current, heldBytes: bytes.current, capBytes: bytes.cap }),
);
const large = Array.from({ length: 9000 }, () => RECORD)
  .join("\n")
  .padEnd(2 ** 20, "\n");
const began = performance.now();
let status = 0;
const agent = new Agent();
while (status !== 200 && performance.now() - began < DEADLINE_MS) {
  status = await post(large, agent, false);
  if (status !== 200) await delay(100);
}
const tookMs = Math.round(performance.now() - began);
console.log(JSON.stringify({ appendBytes: 2 ** 20, status, tookMs, deadlineMs: DEADLINE_MS }));
for (const socket of stalled) socket.destroy();
await node.close();
await rm(directory, { recursive: true });
process.exitCode = status === 200 ? 0 : 1;
