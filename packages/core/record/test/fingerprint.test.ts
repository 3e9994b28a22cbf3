// Goal: equal records have equal fingerprints however they are encoded, and different ones have different ones.
// Method: values drawn and encoded twice, shortest and with the widest heads; single changes of values; bytes that are no msgpack.
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requestFingerprint } from "../src/fingerprint.ts";

type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | { readonly [key: string]: Value };

/** Msgpack with the shortest heads, or with the widest that there are; keys in order or reversed. */
function encode(value: Value, wide: boolean, reversed = false): number[] {
  if (value === null) return [0xc0];
  if (typeof value === "boolean") return [value ? 0xc3 : 0xc2];
  if (typeof value === "number") return number(value, wide);
  if (typeof value === "string") return text(value, wide);
  if (Array.isArray(value)) {
    const items: readonly Value[] = value;
    const head = wide ? [0xdd, ...u32(items.length)] : [0x90 | items.length];
    return [...head, ...items.flatMap((item) => encode(item, wide, reversed))];
  }
  const pairs = Object.entries(value);
  if (reversed) pairs.reverse();
  const head = wide ? [0xdf, ...u32(pairs.length)] : [0x80 | pairs.length];
  return [
    ...head,
    ...pairs.flatMap(([key, item]) => [...text(key, wide), ...encode(item, wide, reversed)]),
  ];
}

function u32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}

function number(value: number, wide: boolean): number[] {
  if (!wide && Number.isInteger(value) && value >= 0 && value < 0x80) return [value];
  if (!wide && Number.isInteger(value) && value < 0 && value >= -32) return [value + 0x100];
  const view = new DataView(new ArrayBuffer(9));
  const integer = Number.isSafeInteger(value) && !Object.is(value, -0) && !wide;
  view.setUint8(0, integer ? 0xd3 : 0xcb);
  if (integer) view.setBigInt64(1, BigInt(value));
  else view.setFloat64(1, value);
  return [...new Uint8Array(view.buffer)];
}

function text(value: string, wide: boolean): number[] {
  const bytes = [...new TextEncoder().encode(value)];
  return [...(wide ? [0xdb, ...u32(bytes.length)] : [0xd9, bytes.length]), ...bytes];
}

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer({ min: -40, max: 200 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 12, unit: "grapheme" }),
);
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    scalar,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie("value"), { maxKeys: 5 }),
  ),
}));

function fingerprintOf(records: readonly Value[], wide = false, reversed = false): number {
  return requestFingerprint(records.map((one) => Uint8Array.from(encode(one, wide, reversed))));
}

describe("a fingerprint", () => {
  it("does not depend on the width of heads, on how a number is encoded, or on the order of keys", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (records) => {
        const expected = fingerprintOf(records);
        expect(Number.isSafeInteger(expected)).toBe(true);
        expect(fingerprintOf(records, true)).toBe(expected);
        expect(fingerprintOf(records, false, true)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("differs for different records", () => {
    const records: readonly (readonly Value[])[] = [
      [{}],
      [{}, {}],
      [[{}]],
      [{ a: 1 }],
      [{ a: 2 }],
      [{ a: "1" }],
      [{ a: [1] }],
      [{ a: { b: 1 } }],
      [{ a: { b: 1 }, c: 2 }],
      [{ a: { b: 2 }, c: 1 }],
      [{ a: { c: 2 }, b: 1 }],
      [{ a: true }],
      [{ a: null }],
      [{ b: 1 }],
      [{ a: 1 }, { b: 1 }],
      [{ b: 1 }, { a: 1 }],
      [{ a: 1, b: 1 }],
      [["x", "y"]],
      [["xy", ""]],
      [["y", "x"]],
      [{ a: 0.5 }],
      [{ a: 2 ** 40 }],
      [{ a: 2 ** 40 + 1 }],
      ...Array.from({ length: 5000 }, (_, k): readonly Value[] => [{ actor: "u", n: k }]),
    ];
    expect(new Set(records.map((one) => fingerprintOf(one))).size).toBe(records.length);
  });

  it("changes with every single byte of a text, whatever its length", () => {
    for (let length = 1; length <= 20; length++) {
      const texts = Array.from({ length }, (_, at) =>
        Array.from({ length }, (_letter, k) => (k === at ? "b" : "a")).join(""),
      );
      expect(new Set(["a".repeat(length), ...texts].map((one) => fingerprintOf([one]))).size).toBe(
        length + 1,
      );
    }
  });

  it("exists for any bytes, also those that are no msgpack", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (a, b) => {
        expect(requestFingerprint([a])).toBe(requestFingerprint([Uint8Array.from(a)]));
        expect(Number.isSafeInteger(requestFingerprint([a, b]))).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(requestFingerprint([new Uint8Array(100_000).fill(0x91)])).not.toBe(
      requestFingerprint([new Uint8Array(100_001).fill(0x91)]),
    );
  });
});
