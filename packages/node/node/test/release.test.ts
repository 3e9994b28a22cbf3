/**
 * Goal: once a request is answered, nothing of its body is held by anyone. Method: a real node takes a thousand requests of the maximal
 * size; heap and external memory of its main thread and of its worker are looked at after a collection, before and afterwards.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestNode, stopTestNode, until, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";

/** Above what is copied to a worker: larger bodies move. */
const BODY_BYTES = 260 * 1024;
const REQUESTS = 1_000;
const AT_A_TIME = 4;
/** Of what was there at the start. */
const GROWTH_MAX = 0.05;

const workers: Worker[] = [];
const onWorker = (worker: Worker): void => void workers.push(worker);
let test: TestNode;
beforeAll(async () => {
  process.on("worker", onWorker);
  test = await startTestNode(
    `workers: { count: 1 }\ningest: { maxBodyBytes: ${BODY_BYTES}B, maxRecordBytes: 64KiB }\n`,
  );
  await untilReady(test.node);
}, 20_000);
afterAll(async () => {
  process.off("worker", onWorker);
  await stopTestNode(test);
}, 20_000);

/** As many records as fit the largest body, to the byte. */
function largestBody(): Buffer {
  const record = (bytes: number): string => {
    const [head, tail] = ['{"actor":{"id":"ada"},"action":"a.b","data":{"p":"', '"}}'];
    return `${head}${"x".repeat(bytes - head.length - tail.length)}${tail}`;
  };
  const count = 10;
  const room = BODY_BYTES - 2 - (count - 1);
  const each = Math.floor(room / count);
  const records = Array.from({ length: count }, (_, k) => record(k === 0 ? room - each * 9 : each));
  return Buffer.from(`[${records.join(",")}]`);
}

const BODIES = [
  { encoding: "identity", body: new Uint8Array(largestBody()) },
  { encoding: "gzip", body: new Uint8Array(gzipSync(largestBody())) },
] as const;

async function append(k: number): Promise<number> {
  const { encoding, body } = BODIES[k % BODIES.length] ?? BODIES[0];
  const response = await fetch(`${test.node.url}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": encoding },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

async function load(requests: number): Promise<void> {
  let next = 0;
  const statuses = new Set<number>();
  const run = async (): Promise<void> => {
    while (next < requests) statuses.add(await append(next++));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, run));
  expect([...statuses]).toEqual([200]);
}

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** Heap and buffers of the main thread, and of the worker, after a collection: a heap snapshot begins with one. */
async function held(): Promise<{ readonly main: number; readonly worker: number }> {
  const [worker] = workers;
  if (worker === undefined) throw new Error("the node has no worker");
  collect();
  (await worker.getHeapSnapshot()).destroy();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  const { used_heap_size: heap, external_memory: buffers } = await worker.getHeapStatistics();
  return { main: heapUsed + external, worker: heap + buffers };
}

it("memory returns to the start after a thousand requests of the maximal size", async () => {
  expect(BODIES[0].body.byteLength).toBe(BODY_BYTES);
  await load(200);
  const before = await held();
  await load(REQUESTS);
  // What ends with the last answers may still be under way.
  const after = await until(async () => {
    const now = await held();
    const grown = (name: "main" | "worker"): boolean => now[name] > before[name] * (1 + GROWTH_MAX);
    return grown("main") || grown("worker") ? undefined : now;
  });
  expect(after.main).toBeLessThanOrEqual(before.main * (1 + GROWTH_MAX));
  expect(after.worker).toBeLessThanOrEqual(before.worker * (1 + GROWTH_MAX));
}, 120_000);
