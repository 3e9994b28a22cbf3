/** Goal: values survive the encoding, and hostile bytes end in an error. Method: goldens of the format's description, then random values. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PackValue } from "../../src/bolt/packStream.ts";
import { packStructure, unpackStructure } from "../../src/bolt/packStream.ts";

const value = fc.letrec<{ value: PackValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<PackValue>(null, true, false, -16, -17, 127, 128, 2 ** 31, 2n ** 62n),
    fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)),
    fc.integer(),
    fc.string({ maxLength: 300 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

describe("PackStream", () => {
  test.each([
    [null, "b101c0"],
    [1, "b10101"],
    [-1, "b101ff"],
    [1.1, "b101c13ff199999999999a"],
    ["A", "b1018141"],
    [[1, 2], "b101920102"],
    [{ one: 1 }, "b101a1836f6e6501"],
  ] satisfies [PackValue, string][])("%j is %s", (one, hex) => {
    expect(packStructure({ tag: 1, fields: [one] }).toString("hex")).toBe(hex);
  });

  test("gives back what it was given", () => {
    fc.assert(
      fc.property(value, (one) => {
        const structure = { tag: 0x10, fields: [one] };
        expect(unpackStructure(packStructure(structure))).toEqual(structure);
      }),
      { numRuns: 200 },
    );
  });

  test("refuses what is cut, declares too much, or is nested without end", () => {
    const whole = packStructure({ tag: 1, fields: [["text", { a: 1 }]] });
    for (let size = 0; size < whole.length; size += 1) {
      expect(() => unpackStructure(whole.subarray(0, size))).toThrow(/cut short|fewer bytes/);
    }
    expect(() => unpackStructure(Buffer.from("b101d6ffffffff", "hex"))).toThrow("fewer bytes");
    const deep = Buffer.concat([Buffer.from("b101", "hex"), Buffer.alloc(10_000, 0x91)]);
    expect(() => unpackStructure(deep)).toThrow("too deep");
  });
});
