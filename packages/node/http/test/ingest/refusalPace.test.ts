// Goal: few refusals do not wait, many do, none for long, who does not keep to what it is told waits longer, and what is over is forgotten.
// Method: a clock of the test.
import { expect, test } from "vitest";
import { RefusalPace } from "../../src/ingest/refusalPace.ts";

const ASKED_MS = 1_000;

/** Of a connection that was never refused. */
function waitOfNew(pace: RefusalPace, nowMs: number): number {
  return pace.waitMs(nowMs, {}, ASKED_MS);
}

test("a burst leaves at once, what comes behind it is spaced, and no wait passes a second", () => {
  const pace = new RefusalPace();
  const waits = Array.from({ length: 1_000 }, () => waitOfNew(pace, 5_000));
  expect(waits.slice(0, 101).every((ms) => ms === 0)).toBe(true);
  expect(waits.slice(101, 104)).toEqual([5, 10, 15]);
  expect(Math.max(...waits)).toBe(1_000);
  expect(waitOfNew(pace, 7_000)).toBe(0);
});

test("a steady flow below 200 a second never waits, one above does", () => {
  const waitOf = (everyMs: number): number => {
    const pace = new RefusalPace();
    return Math.max(...Array.from({ length: 2_000 }, (_, k) => waitOfNew(pace, k * everyMs)));
  };
  expect(waitOf(5)).toBe(0);
  expect(waitOf(4)).toBeGreaterThan(0);
});

test("a connection that comes back before its time waits longer each time, up to four seconds", () => {
  const pace = new RefusalPace();
  const connection = {};
  let nowMs = 0;
  const come = (afterMs: number): number => {
    nowMs += afterMs;
    const waitMs = pace.waitMs(nowMs, connection, ASKED_MS);
    nowMs += waitMs;
    return waitMs;
  };
  expect(Array.from({ length: 8 }, () => come(ASKED_MS - 1))).toEqual([
    0, 0, 0, 0, 1_000, 2_000, 4_000, 4_000,
  ]);
  expect(come(ASKED_MS)).toBe(0);
  expect(come(0)).toBe(0);
});

test("those who wait longer take no place from others", () => {
  const pace = new RefusalPace();
  const hasty = Array.from({ length: 200 }, () => ({}));
  for (let round = 0; round < 4; round++) for (const one of hasty) pace.waitMs(0, one, 1_000_000);
  for (const one of hasty) expect(pace.waitMs(10_000, one, ASKED_MS)).toBe(1_000);
  expect(waitOfNew(pace, 10_000)).toBe(0);
});
