// Goal: a bound that does not hold is told once, by name, and never forgotten. Method: made-up readings.
import { shapeOf } from "@annals/config";
import { mustLoad } from "@annals/kit";
import { expect, test } from "vitest";
import { BoundWatch } from "../../src/memory/boundWatch.ts";
import { memoryStatus } from "../../src/memory/status.ts";
import type { Readings } from "../../src/memory/status.ts";

const config = mustLoad({ text: "data: /tmp/annals\n" });

function statusOf(readings: Readings) {
  return memoryStatus(config, shapeOf(config), readings);
}

const at = (current: number, largest = current) => ({ current, peak: largest, largest });

test("caps and one item are held, whatever the heaps measure", () => {
  const told: string[] = [];
  const watch = new BoundWatch((text) => void told.push(text));
  const { maxPendingBytes, maxBodyBytes } = config.ingest;
  const readings = {
    "worker.requests": at(maxPendingBytes + maxBodyBytes),
    "heap.worker": at(0, 2 * config.workers.maxHeapBytes),
  };
  expect(watch.check(statusOf(readings))).toEqual([]);
  expect(told).toEqual([]);
});

test("one byte more is told once, and stays in the status when it is over", () => {
  const told: string[] = [];
  const watch = new BoundWatch((text) => void told.push(text));
  const { maxPendingBytes, maxBodyBytes } = config.ingest;
  const text = `worker.requests held ${maxPendingBytes + maxBodyBytes + 1}, its bound is ${maxPendingBytes} and ${maxBodyBytes} beyond`;
  const readings = { "worker.requests": at(0, maxPendingBytes + maxBodyBytes + 1) };
  expect(watch.check(statusOf(readings))).toEqual([text]);
  expect(watch.check(statusOf({}))).toEqual([text]);
  expect(told).toEqual([text]);
});

test("so is a sum beyond the budget", () => {
  const watch = new BoundWatch(() => undefined);
  const { worstBytes } = statusOf({});
  const readings = { requests: { current: worstBytes + 1, peak: 0, largest: 0 } };
  expect(watch.check(statusOf(readings))[0]).toMatch(`bytes are held, the budget is ${worstBytes}`);
});
