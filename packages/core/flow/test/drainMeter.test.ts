// Goal: the rate is that of what was worked off while something waited, whatever the clock does. Method: time is a number of the test.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DrainMeter } from "../src/drainMeter.ts";

/** One item of `bytes` every `everyMs`, each worked off when the next one comes, so that something always waits. */
function steady(meter: DrainMeter, fromMs: number, items: number, bytes: number, everyMs: number) {
  meter.begin(bytes, fromMs);
  for (let k = 1; k <= items; k++) {
    meter.begin(bytes, fromMs + k * everyMs);
    meter.end(bytes, true, fromMs + k * everyMs);
  }
  return fromMs + items * everyMs;
}

test("a steady drain has its rate from the first second on, and after long", () => {
  for (const items of [100, 10_000]) {
    const meter = new DrainMeter();
    const endMs = steady(meter, 1_000, items, 50, 10);
    expect(meter.perSecond(endMs)).toBeGreaterThan(4_900);
    expect(meter.perSecond(endMs)).toBeLessThan(5_100);
  }
});

test("it follows a change of pace", () => {
  const meter = new DrainMeter();
  const endMs = steady(meter, steady(meter, 0, 1_000, 50, 10), 4_000, 50, 100);
  expect(meter.perSecond(endMs)).toBeLessThan(600);
});

test("a quiet time does not count", () => {
  const meter = new DrainMeter();
  const endMs = steady(meter, 0, 1_000, 50, 10);
  meter.end(50, true, endMs);
  const busy = meter.perSecond(endMs);
  expect(meter.perSecond(endMs + 3_600_000)).toBe(busy);
  meter.begin(10_000, endMs + 3_600_000);
  expect(meter.waitMs(endMs + 3_600_000)).toBeCloseTo((1000 * 10_000) / busy, 6);
});

test("what is refused or gone says nothing about the pace", () => {
  const meter = new DrainMeter();
  meter.begin(100, 0);
  for (let ms = 1; ms < 1_000; ms++) {
    meter.begin(1_000_000, ms);
    meter.end(1_000_000, false, ms);
  }
  expect(meter.perSecond(1_000)).toBe(0);
  expect(meter.waitMs(1_000)).toBe(1_000);
});

test("a standstill makes the wait grow, and what is settled ends it", () => {
  const meter = new DrainMeter();
  const endMs = steady(meter, 0, 1_000, 50, 10);
  meter.begin(5_000, endMs);
  const [now, later] = [meter.waitMs(endMs), meter.waitMs(endMs + 20_000)];
  expect(later).toBeGreaterThan(10 * now);
  meter.end(5_000, true, endMs + 20_000);
  expect(meter.waitMs(endMs + 20_000)).toBeLessThan(later);
});

test("no order of events makes a rate or a wait that is no number, or negative", () => {
  const event = fc.record({
    bytes: fc.integer({ min: 0, max: 1 << 24 }),
    stepMs: fc.integer({ min: -5, max: 100_000 }),
    settled: fc.boolean(),
    ends: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      const meter = new DrainMeter();
      let nowMs = 0;
      for (const { bytes, stepMs, settled, ends } of events) {
        nowMs += stepMs;
        if (ends) meter.end(Math.min(bytes, meter.pendingBytes), settled, nowMs);
        else meter.begin(bytes, nowMs);
        expect(meter.perSecond(nowMs)).toBeGreaterThanOrEqual(0);
        expect(meter.waitMs(nowMs)).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});

test("more cannot be given back than waits", () => {
  expect(() => new DrainMeter().end(1, true, 0)).toThrow(RangeError);
});
