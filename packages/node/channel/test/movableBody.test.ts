/**
 * Goal: a body has one owner at a time, moves once at most, and says so when it is used afterwards;
 * and how a body crosses depends on its size alone. Method: tables of uses, and of sizes.
 */
import { describe, expect, it, test } from "vitest";
import { COPIED_BYTES_MAX, crossingOf, MOVED_BYTES_MIN } from "../src/crossing.ts";
import { MovableBody } from "../src/movableBody.ts";

const memory = (): Uint8Array => Uint8Array.from({ length: 100 }, (_, k) => k);
const HAS_MOVED = "a body of 20 bytes is used after it has moved";

const USES: Readonly<Record<string, (body: MovableBody) => unknown>> = {
  read: (body) => body.bytes,
  copied: (body) => body.copy(),
  moved: (body) => body.move(),
};

describe("a body of its own", () => {
  const own = (): MovableBody => MovableBody.own(memory().subarray(10, 30));

  it("moves with the buffer that it lies in, once", () => {
    const bytes = memory().subarray(10, 30);
    const body = MovableBody.own(bytes);
    expect([body.moved, body.shared, body.size]).toEqual([false, false, 20]);
    expect(body.move()).toBe(bytes);
    expect([body.moved, body.size]).toEqual([true, 20]);
  });

  it.each(Object.keys(USES))("cannot be %s once it has moved", (use) => {
    const body = own();
    body.move();
    expect(() => USES[use]?.(body)).toThrow(HAS_MOVED);
    expect(body.moved).toBe(true);
  });

  it.each(["read", "copied"])("can be moved after it was %s", (use) => {
    const body = own();
    expect(USES[use]?.(body)).toEqual(memory().subarray(10, 30));
    expect(body.move()).toEqual(memory().subarray(10, 30));
  });

  it("is copied without its neighbours, as often as somebody asks", () => {
    const body = own();
    const copies = [body.copy(), body.copy()];
    for (const copy of copies) {
      expect(copy).toEqual(body.bytes);
      expect(copy.buffer.byteLength).toBe(20);
    }
    expect(copies[0]?.buffer).not.toBe(copies[1]?.buffer);
    expect(body.moved).toBe(false);
  });
});

test("a body that shares its buffer is read and copied, and does not move", () => {
  const body = MovableBody.share(memory().subarray(10, 30));
  expect(body.shared).toBe(true);
  expect(() => body.move()).toThrow("shares its buffer");
  expect(body.moved).toBe(false);
  expect(body.copy()).toEqual(body.bytes);
});

test.each([
  [0, "packed"],
  [MOVED_BYTES_MIN - 1, "packed"],
  [MOVED_BYTES_MIN, "copied"],
  [COPIED_BYTES_MAX, "copied"],
  [COPIED_BYTES_MAX + 1, "moved"],
  [64 * 2 ** 20, "moved"],
])("%d bytes are %s", (size, crossing) => {
  expect(crossingOf(size)).toBe(crossing);
});
