// Goal: what V8 is told of a thread's heap is exactly what the budget counts. Method: a table of sizes; then threads, asked for their limit.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { mustLoad } from "@annals/kit";
import { expect, test } from "vitest";
import { heapLimits, isolatedHeapBytes, workerHeapBytes } from "../../src/budget/workerHeap.ts";

const MEBIBYTE = 2 ** 20;

test.each([
  [1, 24, 24, 6],
  [24, 24, 24, 6],
  [32, 32, 32, 6],
  [44, 44, 32, 12],
  [96, 96, 48, 24],
  [512, 512, 256, 48],
  [2048, 2048, 1024, 48],
])("of %i MiB a shared worker has %i, an isolated one %i", (given, shared, isolated, young) => {
  const config = mustLoad({
    text: `data: /tmp/annals\nmemory: { limit: 64GiB }\nworkers: { maxHeapBytes: ${given}MiB }\n`,
  });
  expect(workerHeapBytes(config)).toBe(shared * MEBIBYTE);
  expect(isolatedHeapBytes(config)).toBe(isolated * MEBIBYTE);
  expect(heapLimits(shared * MEBIBYTE)).toEqual({
    maxYoungGenerationSizeMb: young,
    maxOldGenerationSizeMb: shared - young,
  });
});

test.each([24, 32, 44, 96, 512])(
  "V8 keeps a thread to %i MiB, both parts together",
  async (heap) => {
    const script = `
    const { getHeapStatistics } = require("node:v8");
    require("node:worker_threads").parentPort.postMessage(getHeapStatistics().heap_size_limit);
  `;
    const worker = new Worker(script, { eval: true, resourceLimits: heapLimits(heap * MEBIBYTE) });
    const [limit] = (await once(worker, "message")) as [number];
    await worker.terminate();
    expect(limit).toBe(heap * MEBIBYTE);
  },
);
