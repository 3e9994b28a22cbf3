// Goal: the worst case of a configuration is the sum of its bounds, and what does not fit is refused with numbers that help.
// Method: the pure functions on configurations that differ in one key; a node that must not start.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertFits, BOUNDS, logsThatFit, memoryBudget, shapeOf } from "@annals/config";
import { mustLoad } from "@annals/kit";
import { expect, test } from "vitest";
import { startNode } from "../../src/startNode.ts";

const MEBIBYTE = 2 ** 20;
const NODES = "nodes: { a: '127.0.0.1:1', b: '127.0.0.1:2', c: '127.0.0.1:3' }\n";

function configOf(extra: Readonly<Record<string, string>> = {}, text = NODES) {
  const flags = { "workers.count": "2", "memory.limit": "16GiB", ...extra };
  return mustLoad({ text: `data: /tmp/annals\n${text}`, node: "a", flags });
}

function bytesOf(name: string, extra: Readonly<Record<string, string>> = {}, logs = 1): number {
  const config = configOf(extra);
  const row = memoryBudget(config, shapeOf(config, logs)).rows.find(
    ({ bound }) => bound.name === name,
  );
  return row?.bytes ?? Number.NaN;
}

test("the sum is that of the rows, and each row is its count times cap and item", () => {
  const { rows, bytes } = memoryBudget(configOf());
  expect(rows.map(({ bound }) => bound)).toEqual(BOUNDS);
  expect(bytes).toBe(rows.reduce((sum, row) => sum + row.bytes, 0));
  expect(bytesOf("worker.requests")).toBe(3 * (32 + 8) * MEBIBYTE);
  expect(bytesOf("log.appends", {}, 3)).toBe(3 * (32 + 2.25 * 8) * MEBIBYTE);
  expect(bytesOf("send.queue", {}, 3)).toBe(3 * 2 * (20 + 4) * MEBIBYTE);
});

test("the receive queues are the less of what links and what workers may hold", () => {
  expect(bytesOf("receive.worker")).toBe(4 * (32 + 8) * MEBIBYTE);
  expect(bytesOf("receive.worker", {}, 49)).toBe((3 * 128 + 100 * 8) * MEBIBYTE);
  expect(bytesOf("receive.link", {}, 49)).toBe(0);
});

test("a node alone has no links", () => {
  const { rows } = memoryBudget(configOf({ nodes: "a=127.0.0.1:1" }));
  const links = rows.filter(({ bound }) => ["stream", "link", "peer"].includes(bound.per));
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter(({ bytes }) => bytes > 0)).toEqual([]);
});

test("every key of a row moves the sum", () => {
  const keys = new Set(BOUNDS.flatMap(({ setBy }) => setBy?.match(/[a-z]+(\.[a-zA-Z]+)+/g) ?? []));
  // Counts of entries whose bytes are in another row.
  keys.delete("append.maxBytes");
  keys.delete("replication.receive.eventHighWaterMark");
  keys.delete("replication.receive.maxCommitBacklog");
  keys.delete("workers.maxCatchUps");
  keys.delete("subscribe.maxBufferedBytes");
  // Does not bind while the queues of few links stay below it.
  keys.delete("workers.maxQueueBytes");
  const before = memoryBudget(configOf()).bytes;
  const larger: Readonly<Record<string, string>> = {
    "replication.append.maxInflightBytes": "20MiB",
    "replication.blob.maxConcurrent": "5",
    "workers.maxIsolated": "2",
    "subscribe.maxStreams": "257",
    "http.maxConnections": "1025",
    "replication.blob.chunkBytes": "512KiB",
    "replication.maxMessageBytes": "16MiB",
  };
  for (const key of keys) {
    const { bytes } = memoryBudget(configOf({ [key]: larger[key] ?? "1GiB" }));
    expect([key, bytes > before]).toEqual([key, true]);
  }
});

test("as many logs fit as it says, and not one more", () => {
  for (const limit of ["1GiB", "3GiB", "8GiB", "64GiB"]) {
    const config = configOf({ "memory.limit": limit });
    const most = logsThatFit(config);
    const need = (logs: number) => memoryBudget(config, shapeOf(config, logs)).bytes;
    expect(most === 0 || need(most) <= config.memory.limit).toBe(true);
    expect(need(most + 1)).toBeGreaterThan(config.memory.limit);
  }
});

test("what does not fit is refused with both numbers and the keys of the largest rows", () => {
  const config = configOf({ "memory.limit": "512MiB", "workers.maxHeapBytes": "512MiB" });
  expect(() => assertFits(config)).toThrow(
    /^with 1 log this node may need 2\d\d\d MiB, and memory\.limit is 512 MiB; the largest parts are heap\.worker 1024 MiB \(workers\.maxHeapBytes\), /,
  );
  expect(() => assertFits(configOf())).not.toThrow();
});

test("a node beyond its limit does not start and leaves nothing on the disk", async () => {
  const directory = mkdtempSync(join(tmpdir(), "annals-memory-"));
  const config = configOf({ data: directory, "memory.limit": "512MiB" });
  await expect(startNode(config)).rejects.toMatchObject({
    code: "ERR_MEMORY_LIMIT",
    details: { limit: 512 * MEBIBYTE, logs: 1, fit: 0 },
  });
  expect(readdirSync(directory)).toEqual([]);
  rmSync(directory, { recursive: true });
});
