// Goal: a body of unknown length grows by what it was allowed to. Method: a listener that says no.
import { expect, test } from "vitest";
import { BodyBuffer } from "../src/bodyBuffer.ts";

const KB = new Uint8Array(1024).fill(7);

test("is asked before it grows, and does not grow when it may not", () => {
  const told: number[] = [];
  let allowed = Number.POSITIVE_INFINITY;
  const body = new BodyBuffer({
    maxBytes: 1024 * 1024,
    onGrow: (bytes) => {
      told.push(bytes);
      if (bytes > allowed) throw new Error("no room");
    },
  });
  body.append(KB);
  const [first = 0] = told;
  expect(first).toBeGreaterThanOrEqual(1024);
  allowed = first;
  const fill = (): void => {
    for (;;) body.append(KB);
  };
  expect(fill).toThrow("no room");
  expect(told).toHaveLength(2);
  // It still holds no more than it was allowed to, so the next byte has to be asked for again.
  expect(() => body.append(KB)).toThrow("no room");
  expect(told).toHaveLength(3);
  expect(body.byteLength).toBeLessThanOrEqual(first);
  expect(body.take().every((byte) => byte === 7)).toBe(true);
});

test("holds up to the cap, and throws beyond", () => {
  const body = new BodyBuffer({ maxBytes: 1024 });
  body.append(KB);
  expect(() => body.append(Uint8Array.of(1))).toThrow(RangeError);
  expect(body.take()).toEqual(KB);
});
