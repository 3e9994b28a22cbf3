/**
 * Goal: every queue of real nodes stays within its cap and one item when it is driven there, at caps near the smallest legal ones, the
 * status says so under the names of the table, and when all is over nothing is held. Method: two nodes in this process; more appends,
 * large reads and records than their caps take.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterStatus, MemoryRow, MemoryStatus } from "@annals/api";
import { BOUNDS, loadConfig } from "@annals/config";
import { freePort, until, untilReady } from "@annals/fake-server";
import pino from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startNode } from "../../src/startNode.ts";
import type { RunningNode } from "../../src/incarnations.ts";

const CAPS = `
workers: { count: 1, maxQueueBytes: 130KiB }
ingest: { maxBodyBytes: 20KiB, maxRecordBytes: 16KiB, maxPendingBytes: 20KiB }
batch: { maxBytes: 16KiB, maxRecords: 1 }
query: { maxHeldBytes: 1B }
raft: { maxUncommittedBytes: 20KiB, maxCommittedBytes: 1B }
replication:
  append: { maxBytes: 16KiB, maxInflightBytes: 16KiB, maxEntries: 1, maxInflightMessages: 1 }
  maxMessageBytes: 128KiB
  receive: { maxQueueBytes: 128KiB, eventHighWaterMark: 1, maxCommitBacklog: 1 }
  blob: { chunkBytes: 4KiB, maxConcurrent: 1 }
`;

let directory: string;
let nodes: RunningNode[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-gauges-"));
  const ports = [await freePort(), await freePort()];
  const text = `nodes: { a: "127.0.0.1:${ports[0]}", b: "127.0.0.1:${ports[1]}" }\ndata: ${directory}/\${node}\n${CAPS}`;
  nodes = await Promise.all(
    ["a", "b"].map((node) => {
      const loaded = loadConfig({ text, env: {}, node });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      return startNode(loaded.config, { logger: pino({ level: "silent" }) });
    }),
  );
  await Promise.all(nodes.map(untilReady));
}, 30_000);

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  await rm(directory, { recursive: true, force: true });
}, 30_000);

const URL_OF = (node: RunningNode) => `${node.url}/v1/logs/audit/records`;

async function memoryOf(node: RunningNode): Promise<MemoryStatus> {
  const status = (await (await fetch(`${node.url}/v1/cluster`)).json()) as ClusterStatus;
  if (status.memory === undefined) throw new Error("a born node tells its memory");
  return status.memory;
}

const record = (k: number, bytes: number) =>
  JSON.stringify({ actor: { id: `u${k}` }, action: "a.b", data: { text: "x".repeat(bytes) } });

/** Appends until `count` were taken; what is refused as overloaded comes again. */
async function load(count: number): Promise<number> {
  let refused = 0;
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) {
      const k = next++;
      await until(async () => {
        const node = nodes[k % nodes.length];
        if (node === undefined) return undefined;
        const response = await fetch(URL_OF(node), {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: record(k, 100 + (k % 10) * 1500),
        });
        await response.arrayBuffer();
        if (response.status !== 200) refused++;
        return response.status === 200 ? true : undefined;
      });
    }
  };
  await Promise.all(Array.from({ length: 12 }, one));
  return refused;
}

async function read(node: RunningNode): Promise<void> {
  await (await fetch(`${URL_OF(node)}?consistency=local&limit=1000`)).arrayBuffer();
}

/** What a node keeps although nothing is under way. */
const KEPT = [
  "heap.worker",
  "heap.gateway",
  "connections",
  "connections.nodes",
  "log.producers",
  "waiters",
];

/**
 * Rows that this load fills on some node: request bodies, admitted appends, uncommitted entries, entries of one transaction, pages, answers,
 * queues of links.
 */
const FILLED = [
  "requests",
  "log.requests",
  "worker.requests",
  "log.appends",
  "log.uncommitted",
  "log.writing",
  "log.applying",
  "pages",
  "answers",
  "connections",
  "connections.undecided",
  "connections.nodes",
  "forwarded",
  "waiters",
  "send.queue",
  "receive.worker",
  "receive.link",
  "receive.events",
  "receive.backlog",
  "receive.handshakes",
  "send.control",
  "heap.worker",
  "heap.gateway",
];

it("every queue stays within its cap and one item, and is empty afterwards", async () => {
  const [refused] = await Promise.all([
    load(200),
    ...nodes.flatMap((node) => Array.from({ length: 6 }, () => read(node))),
  ]);
  expect(refused).toBeGreaterThan(0);
  await Promise.all(nodes.map(read));
  const memories = await Promise.all(nodes.map(memoryOf));
  const beyond = memories.flatMap(({ rows }) =>
    rows.filter(({ largest, cap, item }) => largest > cap + item),
  );
  expect(beyond).toEqual([]);
  expect(memories.flatMap(({ violations }) => violations)).toEqual([]);
  const filled = memories.flatMap(({ rows }) => rows.filter(({ largest }) => largest > 0));
  const names = new Set(filled.map(({ name }) => name));
  expect(FILLED.filter((name) => !names.has(name))).toEqual([]);
  for (const { accountedBytes, worstBytes, rssBytes } of memories) {
    expect(accountedBytes).toBeGreaterThan(0);
    expect(accountedBytes).toBeLessThan(worstBytes);
    expect(rssBytes).toBeGreaterThan(0);
  }
  const paused = memories.flatMap(({ pauses }) => Object.values(pauses));
  expect(paused.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
  const held = (rows: readonly MemoryRow[]) =>
    rows.filter(({ name, current }) => current > 0 && !KEPT.includes(name)).map(({ name }) => name);
  const empty = await until(async () => {
    const now = await Promise.all(nodes.map(memoryOf));
    return now.every(({ rows }) => held(rows).length === 0) ? now : undefined;
  });
  expect(empty).toHaveLength(2);
}, 60_000);

it("the status has a row for every bound that has a gauge, and no other", async () => {
  const [memory] = await Promise.all(nodes.map(memoryOf));
  expect(memory?.rows.map(({ name }) => name)).toEqual(
    BOUNDS.filter(({ ungauged }) => ungauged === undefined).map(({ name }) => name),
  );
});
