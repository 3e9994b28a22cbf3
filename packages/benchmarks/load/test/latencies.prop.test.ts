// Goal: percentiles in constant space are those of the sorted times. Method: random times beside a sorted list of them.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Latencies } from "../src/measure/latencies.ts";

test("every percentile is the sorted one, to a thousandth and a microsecond", () => {
  const times = fc.array(fc.double({ min: 0, max: 3_600_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });
  fc.assert(
    fc.property(times, (all) => {
      const latencies = new Latencies();
      for (const ms of all) latencies.add(ms);
      const sorted = all.toSorted((a, b) => a - b);
      const near = (ms: number, percent: number): boolean => {
        const exact = sorted[Math.max(1, Math.round((percent / 100) * sorted.length)) - 1] ?? 0;
        return Math.abs(ms - exact) <= 0.002 + exact / 500;
      };
      const summary = latencies.summary();
      expect(summary.count).toBe(all.length);
      expect(near(summary.p50Ms, 50)).toBe(true);
      expect(near(summary.p90Ms, 90)).toBe(true);
      expect(near(summary.p99Ms, 99)).toBe(true);
      expect(near(summary.maxMs, 100)).toBe(true);
    }),
  );
});

test("of nothing, all is 0", () => {
  const { count, ...rest } = new Latencies().summary();
  expect(count).toBe(0);
  expect(new Set(Object.values(rest))).toEqual(new Set([0]));
});
