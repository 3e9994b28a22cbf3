/**
 * Goal: when a worker thread dies its logs come back on other threads, one interval apart, with everything that was acknowledged; other
 * clients see retryable errors only. Method: a real node whose worker is made to run out of heap.
 */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { heapSnapshotDirectory } from "../../src/memory/heapSnapshots.ts";
import { startTestNode, stopTestNode, until, untilReady } from "./testNode.ts";
import type { TestNode } from "./testNode.ts";

let test: TestNode;

beforeAll(async () => {
  test = await startTestNode(
    "workers: { count: 1, maxHeapBytes: 24MiB, heapSnapshot: true }\ningest: { maxBodyBytes: 8MiB, maxRecords: 60000 }\n",
  );
  await untilReady(test.node);
}, 20_000);

afterAll(async () => stopTestNode(test));

async function append(body: string, type = "application/json"): Promise<Response> {
  return fetch(`${test.node.url}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": type },
    body,
  });
}

it("hands a dead worker's logs to a fresh one, which serves what was acknowledged", async () => {
  await until(async () => {
    const first = await append(JSON.stringify({ actor: { id: "u1" }, action: "a.b" }));
    return first.status === 200 ? true : undefined;
  });
  // Tens of thousands of small records parsed at once, several times over, need more than the worker's heap.
  const heavy = JSON.stringify(
    Array.from({ length: 60_000 }, (_, k) => ({ actor: { id: `u${k}` }, action: "a.b" })),
  );
  const status = await until(async () => {
    await Promise.all(Array.from({ length: 8 }, () => append(heavy).catch(() => undefined)));
    const response = await fetch(`${test.node.url}/v1/cluster`);
    const cluster = (await response.json()) as { workerRestarts: number };
    return cluster.workerRestarts > 0 ? cluster : undefined;
  });
  expect(status.workerRestarts).toBeGreaterThan(0);
  const snapshots = readdirSync(heapSnapshotDirectory(test.config.data));
  expect(snapshots.filter((name) => name.endsWith(".heapsnapshot"))).not.toEqual([]);
  await untilReady(test.node);
  const read = await fetch(`${test.node.url}/v1/logs/audit/records/1`);
  expect(await read.json()).toMatchObject({ seq: 1, actor: { id: "u1" } });
  const again = await until(async () => {
    const response = await append(JSON.stringify({ actor: { id: "u2" }, action: "a.b" })).catch(
      () => undefined,
    );
    return response?.status === 200 ? response : undefined;
  });
  expect(again.status).toBe(200);
  // A log that has ended several workers waits up to a minute for its next try.
}, 240_000);
