// Goal: few refusals do not wait, many do, none for long, and what is over is forgotten. Method: a clock of the test.
import { expect, test } from "vitest";
import { RefusalPace } from "../../src/ingest/refusalPace.ts";

test("a burst leaves at once, what comes behind it is spaced, and no wait passes a second", () => {
  const pace = new RefusalPace();
  const waits = Array.from({ length: 1_000 }, () => pace.waitMs(5_000));
  expect(waits.slice(0, 101).every((ms) => ms === 0)).toBe(true);
  expect(waits.slice(101, 104)).toEqual([5, 10, 15]);
  expect(Math.max(...waits)).toBe(1_000);
  expect(pace.waitMs(7_000)).toBe(0);
});

test("a steady flow below 200 a second never waits, one above does", () => {
  const waitOf = (everyMs: number): number => {
    const pace = new RefusalPace();
    return Math.max(...Array.from({ length: 2_000 }, (_, k) => pace.waitMs(k * everyMs)));
  };
  expect(waitOf(5)).toBe(0);
  expect(waitOf(4)).toBeGreaterThan(0);
});
