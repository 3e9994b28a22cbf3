// Goal: never more than so many at a time, in order, and no permit is lost however work ends.
import { expect, test } from "vitest";
import { Permits } from "../src/permits.ts";

test.each([1, 2, 5])("with %i permits so many run at a time, in order", async (cap) => {
  const permits = new Permits(cap);
  const started: number[] = [];
  let most = 0;
  await Promise.all(
    Array.from({ length: 12 }, (_, k) =>
      permits.run(async () => {
        started.push(k);
        most = Math.max(most, permits.running);
        await new Promise((resolve) => setImmediate(resolve));
      }),
    ),
  );
  expect(started).toEqual(Array.from({ length: 12 }, (_, k) => k));
  expect(most).toBe(cap);
  expect(permits.running).toBe(0);
});

test("work that fails gives its permit back", async () => {
  const permits = new Permits(1);
  await expect(permits.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await permits.run(() => Promise.resolve(7))).toBe(7);
});

test.each([0, -1, Number.NaN])("a cap of %d is refused", (cap) => {
  expect(() => new Permits(cap)).toThrow(RangeError);
});
