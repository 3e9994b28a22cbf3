// Goal: chunks and waits grow and shrink by what was seen, and begin anew after progress. Method: chosen times; chance that always draws most.
import { describe, expect, test } from "vitest";
import { ChunkSize } from "../src/run/chunkSize.ts";
import { Retries } from "../src/run/retries.ts";

describe("the size of chunks", () => {
  test("a slow one halves it, full and quick ones raise it by a tenth", () => {
    const size = new ChunkSize(100, () => 0);
    size.took(100, 5001);
    expect(size.items).toBe(50);
    size.took(50, 2500);
    expect(size.items).toBe(60);
    // Neither slow nor quick.
    size.took(60, 2501);
    size.took(60, 5000);
    expect(size.items).toBe(60);
    for (let k = 0; k < 10; k++) size.took(size.items, 1);
    expect(size.items).toBe(100);
    for (let k = 0; k < 10; k++) size.took(size.items, 5001);
    expect(size.items).toBe(1);
  });

  test("a quick one that was not full says nothing about a larger one", () => {
    const size = new ChunkSize(100, () => 0);
    size.took(100, 5001);
    size.took(49, 1);
    expect(size.items).toBe(50);
  });

  test("what was too large is not grown into again, until a while has passed", () => {
    let nowMs = 0;
    const size = new ChunkSize(200, () => nowMs);
    const memory = 50;
    const refused = (rounds: number): number => {
      let count = 0;
      for (let k = 0; k < rounds; k++) {
        const { items } = size;
        if (items > memory) count++;
        if (items > memory) size.wasTooLarge(items);
        else size.took(items, 1);
      }
      return count;
    };
    expect(refused(60)).toBeLessThanOrEqual(8);
    expect([size.items, size.ceiling]).toEqual([memory, memory]);
    nowMs = 599_999;
    expect(refused(1_000)).toBe(0);
    nowMs = 3_600_000;
    expect(size.ceiling).toBe(200);
    expect(refused(60)).toBeGreaterThan(0);
  });

  test("one item is always tried", () => {
    const size = new ChunkSize(200, () => 0);
    for (let k = 0; k < 20; k++) size.wasTooLarge(size.items);
    size.took(1, 1);
    expect([size.items, size.ceiling]).toEqual([1, 1]);
  });
});

describe("waits after failures", () => {
  const most = (n: number): number => n - 1;
  const waits = (retries: Retries, count: number): readonly number[] =>
    Array.from({ length: count }, () => retries.failed().ms);

  test("three fast ones, then up to a minute; progress begins anew", () => {
    const retries = new Retries(most);
    const expected = [20, 40, 80, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000];
    expect(waits(retries, expected.length)).toEqual(expected);
    retries.progress();
    expect(retries.failures).toBe(0);
    expect(waits(retries, 5)).toEqual(expected.slice(0, 5));
  });

  test("somebody may ask for a longer wait, but not for more than the longest", () => {
    const retries = new Retries(most);
    expect(retries.failed(5000)).toEqual({ ms: 5000, backingOff: false });
    expect(retries.failed(3_600_000).ms).toBe(60_000);
    expect(retries.failed(1).ms).toBe(80);
  });

  test("failures that nobody understands end it, unless there was progress between", () => {
    const retries = new Retries(most);
    const tries = (count: number): readonly boolean[] =>
      Array.from({ length: count }, () => retries.failedForUnknownReason() !== undefined);
    expect(tries(4)).toEqual([true, true, true, true]);
    retries.progress();
    expect(tries(5)).toEqual([true, true, true, true, false]);
  });
});
