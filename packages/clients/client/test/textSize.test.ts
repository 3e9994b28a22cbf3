// Goal: the size of a text is that of its UTF-8, also where a character falls across the end of the memory that is encoded into. Method: any
// texts, against Node's count.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TextSize } from "../src/textSize.ts";

const size = new TextSize();

test("counts the bytes of any text, lone surrogates as their replacement", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.nat(20_000), (text, repeats) => {
      const long = text.repeat(Math.ceil(repeats / (text.length + 1)));
      expect(size.bytesOf(long)).toBe(Buffer.byteLength(long));
    }),
    { numRuns: 30 },
  );
  for (const text of ["", "\ud800", "a\udc00b"])
    expect(size.bytesOf(text)).toBe(Buffer.byteLength(text));
});

test("does not part a character at the end of its memory", () => {
  for (const character of ["é", "€", "😀"])
    for (let before = 16_380; before <= 16_390; before++) {
      const text = `${"a".repeat(before)}${character}${"b".repeat(40_000)}`;
      expect(size.bytesOf(text)).toBe(Buffer.byteLength(text));
    }
});
