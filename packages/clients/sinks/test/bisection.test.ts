// Goal: one bad record among n costs about log2(n) transactions more, wherever it is. Method: the search alone, for each place of the record.
import { expect, test } from "vitest";
import {
  acquit,
  chunkRecordsMax,
  countRefusal,
  NO_BISECTION,
  suspect,
} from "../src/run/bisection.ts";

const STANDARD = 1_000;

/** Refusals until `bad` of `count` records is alone in its transaction, and records that were written before. */
function searched(count: number, bad: number): { readonly refusals: number; readonly at: number } {
  let bisection = NO_BISECTION;
  for (let at = 0; ; ) {
    const records = Math.min(count - at, chunkRecordsMax(bisection, STANDARD));
    const isRefused = bad >= at && bad < at + records;
    if (isRefused) bisection = countRefusal(bisection);
    if (isRefused && records === 1) return { refusals: bisection.refusals, at };
    bisection = isRefused ? suspect(bisection, records) : acquit(bisection, records);
    if (!isRefused) at += records;
  }
}

test.each([1, 2, 3, 7, 64, 100])("a bad record among %i is found in few steps", (count) => {
  for (let bad = 0; bad < count; bad++) {
    const { refusals, at } = searched(count, bad);
    expect(at).toBe(bad);
    expect(refusals).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 1);
  }
});

test("nothing is suspected once all suspects are written, and chunks are as large as ever", () => {
  const half = acquit(suspect(NO_BISECTION, 8), 4);
  expect(chunkRecordsMax(half, STANDARD)).toBe(2);
  expect(chunkRecordsMax(acquit(half, 9), STANDARD)).toBe(STANDARD);
});
