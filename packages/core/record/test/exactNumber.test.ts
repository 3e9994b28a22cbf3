// Goal: a number is kept as the double of the same value, as 64 bits, or with its digits, and never as another value.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { keptNumber } from "../src/exactNumber.ts";

test.each<[string, number | bigint | string]>([
  ["0", 0],
  ["-0", -0],
  ["1.0", 1],
  ["100.10", 100.1],
  ["1e2", 100],
  ["-0.0", -0],
  ["0e999", 0],
  ["9007199254740991", 2 ** 53 - 1],
  ["9007199254740992", 2n ** 53n],
  ["9007199254740993", 9007199254740993n],
  ["9007199254740992.0", 2 ** 53],
  ["9007199254740993.0", "9007199254740993.0"],
  ["18446744073709551615", 2n ** 64n - 1n],
  ["18446744073709551616", "18446744073709551616"],
  ["-9223372036854775808", -(2n ** 63n)],
  ["-9223372036854775809", "-9223372036854775809"],
  ["0.1", 0.1],
  ["0.30000000000000004", 0.1 + 0.2],
  ["0.10000000000000001", "0.10000000000000001"],
  ["1e21", 1e21],
  ["1.7976931348623157e308", Number.MAX_VALUE],
  ["1e309", "1e309"],
  ["5e-324", Number.MIN_VALUE],
  ["1e-324", "1e-324"],
  ["4.9e-324", "4.9e-324"],
  ["123456789012345678E-1", "123456789012345678E-1"],
])("%s", (text, kept) => {
  expect(keptNumber(text)).toBe(kept);
});

test("what is a double is the value that was written, by the rules of arithmetic", () => {
  const digits = fc.stringMatching(/^-?(0|[1-9]\d{0,24})(\.\d{1,24})?([eE][+-]?\d{1,3})?$/);
  const doubles = fc.double({ noNaN: true, noDefaultInfinity: true }).map(String);
  fc.assert(
    fc.property(fc.oneof(digits, doubles), (text) => {
      const kept = keptNumber(text);
      expect(ratio(String(kept))).toEqual(ratio(text));
    }),
    { numRuns: 2000 },
  );
});

test("a double as JavaScript writes it is kept as a double", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const text = JSON.stringify(value);
      // Only integers have another form: those beyond 2^53 that are written without an exponent.
      fc.pre(Number.isSafeInteger(value) || !/^-?\d+$/.test(text));
      expect(keptNumber(text)).toBe(value === 0 ? 0 : value);
    }),
  );
});

/** A decimal as a fraction in lowest terms of ten: exact. */
function ratio(text: string): readonly [numerator: bigint, power: number] {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  let numerator = BigInt(whole === "-" ? "-0" : `${whole}${fraction}`);
  if (numerator === 0n) return [0n, 0];
  // Plus zero: an exponent of minus zero is zero.
  let power = Number(exponent) - fraction.length + 0;
  for (; numerator % 10n === 0n; power++) numerator /= 10n;
  return [numerator, power];
}
