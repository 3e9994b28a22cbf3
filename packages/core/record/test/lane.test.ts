// Goal: a key is in the same lane for ever: positions of groups are kept by lane. Method: values from elsewhere, and a dumb second version.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { laneHash, laneOf } from "../src/lane.ts";

test.each([
  ["", 0x811c9dc5],
  ["a", 0xe40c292c],
  ["foobar", 0xbf9cf968],
  ["ada", 0x38390dbb],
  ["é", 0x1e9de8c1],
  ["工", 0xc626de70],
  ["🧾", 0x441731f1],
])("the hash of %j never changes", (text, hash) => {
  expect(laneHash(text)).toBe(hash);
});

test("is FNV-1a of the text's UTF-8", () => {
  const naive = (text: string): number => {
    let hash = 0x811c9dc5n;
    for (const byte of new TextEncoder().encode(text))
      hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
    return Number(hash);
  };
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "grapheme" }),
    fc.string(),
  );
  fc.assert(fc.property(text, (found) => laneHash(found) === naive(found)));
  expect(laneHash("\ud800")).toBe(naive("\ud800"));
});

test("without a key a record is in lane 0", () => {
  expect(laneOf(undefined, 7)).toBe(0);
  expect(laneOf("", 7)).toBe(0x811c9dc5 % 7);
});
