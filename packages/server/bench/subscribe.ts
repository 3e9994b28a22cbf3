/**
 * What one subscriber gets: `pnpm build && pnpm exec node packages/server/bench/subscribe.ts`. Starts a node of one on a throw-away
 * directory, appends 1 000 000 records of 256 bytes, then follows them over the client stream from a process of its own. Prints one JSON
 * line a protocol: records and megabytes per second, as heads count them; and once more with every record parsed.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig, startNode } from "@annals/server";
import { decodeRecord, splitStreamMessage, STREAM_PROTOCOLS, streamHead } from "@annals/wire";
import type { StreamFields, StreamProtocol, StreamValue } from "@annals/wire";
import { WebSocket } from "ws";

const RECORDS = 1_000_000;
const RECORD_BYTES = 256;
const PER_REQUEST = 1000;

/** A record of so many bytes as JSON. */
function recordText(k: number): string {
  const record = { actor: { id: `user-${k % 100}` }, action: "file.modified", data: { pad: "" } };
  record.data.pad = "p".repeat(RECORD_BYTES - JSON.stringify(record).length);
  return JSON.stringify(record);
}

async function fill(url: string): Promise<void> {
  for (let k = 0; k < RECORDS; k += PER_REQUEST) {
    const body = Array.from({ length: PER_REQUEST }, (_, j) => recordText(k + j)).join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    const path = `${url}/v1/logs/audit/records`;
    const response = await fetch(path, { method: "POST", headers, body });
    if (!response.ok) throw new Error(await response.text());
    await response.arrayBuffer();
  }
}

/** Follows the log to its end, in the process of the subscriber. */
async function follow(url: string, protocol: StreamProtocol, parse: boolean): Promise<void> {
  const binary = protocol === "annals.v1.msgpack";
  const options = { perMessageDeflate: false, skipUTF8Validation: true };
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/stream`, protocol, options);
  const send = (head: Readonly<Record<string, StreamValue>>): void =>
    socket.send(streamHead(protocol, new Map(Object.entries(head))), { binary });
  await once(socket, "open");
  send({ kind: "subscribe", id: 1, log: "audit", records: 2 * RECORDS });
  let records = 0;
  let bytes = 0;
  const start = performance.now();
  socket.on("message", (data: Buffer) => {
    const { fields, body } = splitStreamMessage(protocol, data);
    if (fields.get("kind") !== "records") return;
    if (parse) parseBody(binary, body, fields);
    records += Number(fields.get("count"));
    bytes += body.length;
    send({ kind: "ack", id: 1, seq: Number(fields.get("to")) });
    if (records === RECORDS) socket.close(1000);
  });
  await once(socket, "close");
  const seconds = (performance.now() - start) / 1000;
  console.log(
    JSON.stringify({
      protocol,
      parsed: parse,
      recordsPerSecond: Math.round(records / seconds),
      megabytesPerSecond: Math.round(bytes / seconds / 1e6),
    }),
  );
}

function parseBody(binary: boolean, body: Uint8Array, fields: StreamFields): void {
  if (!binary) {
    JSON.parse(`[${Buffer.from(body).toString("utf8").trimEnd().replaceAll("\n", ",")}]`);
    return;
  }
  // All records are of about one size; one head more makes a list of them.
  const head = Buffer.from([0xdd, 0, 0, 0, 0]);
  head.writeUInt32BE(Number(fields.get("count")), 1);
  decodeRecord(Buffer.concat([head, body]));
}

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "annals-bench-"));
  const port = await new Promise<number>((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : 0),
      );
    });
  });
  const text = `nodes: { a: "127.0.0.1:${port}" }\ndata: ${directory}\nlog: { level: warn }\n`;
  const loaded = loadConfig({ text, env: {}, node: "a" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const node = await startNode(loaded.config);
  while ((await fetch(`${node.url}/readyz`)).status !== 200);
  await fill(node.url);
  for (const parse of ["", "parse"])
    for (const protocol of STREAM_PROTOCOLS)
      await once(fork(import.meta.filename, [node.url, protocol, parse]), "exit");
  await node.close();
  await rm(directory, { recursive: true });
}

const [url, protocol, parse] = process.argv.slice(2);
const known = STREAM_PROTOCOLS.find((one) => one === protocol);
if (url === undefined || known === undefined) await main();
else await follow(url, known, parse === "parse");
