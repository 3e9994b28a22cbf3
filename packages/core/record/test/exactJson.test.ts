// Goal: JSON text and JavaScript values turn into one another without another value, or the value is refused with its path.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ExactNumber } from "../src/exactNumber.ts";
import { parseExactly, stringifyExactly } from "../src/exactJson.ts";

const TEXT =
  '{"a":[12345678901234567890,0.10000000000000001,1e999,-1.5,-0],"b":"12345678901234567890"}';

test("numbers that no double holds are what was asked for", () => {
  const [digits, decimal, huge] = ["12345678901234567890", "0.10000000000000001", "1e999"];
  const exact = (text: string): ExactNumber => new ExactNumber(text);
  expect(parseExactly(TEXT)).toEqual({
    a: [exact(digits), exact(decimal), exact(huge), -1.5, -0],
    b: digits,
  });
  expect(parseExactly(TEXT, "bigint")).toEqual({
    a: [BigInt(digits), exact(decimal), exact(huge), -1.5, -0],
    b: digits,
  });
  expect(parseExactly(TEXT, "text")).toEqual({ a: [digits, decimal, huge, -1.5, -0], b: digits });
});

test.each(["exact", "bigint"] as const)(
  "%s: what is read is written again as it was",
  (numbers) => {
    expect(stringifyExactly(parseExactly(TEXT, numbers))).toBe(TEXT);
  },
);

test("an exact number is one for JSON.stringify, too, and a text for texts", () => {
  expect(JSON.stringify(parseExactly(TEXT))).toBe(TEXT.replace("-0", "0"));
  expect(String(parseExactly("1e999"))).toBe("1e999");
});

test.each([
  "1e999",
  " -12345678901234567890 ",
  "[1e999]",
  '{"a" : 1E999}',
  "[1,\n 1234567890123456789]",
])("%j is seen wherever it stands", (text) => {
  expect(JSON.stringify(parseExactly(text))).toBe(JSON.stringify(JSON.parse(text, keepSource)));
});

function keepSource(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === "number" ? new ExactNumber(context?.source ?? "") : value;
}

test("any other JSON is what JSON.parse makes of it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const value: unknown = JSON.parse(text);
      expect(parseExactly(JSON.stringify(value))).toEqual(value);
      expect(parseExactly(stringifyExactly(value))).toEqual(value);
    }),
  );
});

const withHole = Object.assign([1], { length: 2 });
const cycle: Record<string, unknown> = {};
cycle["again"] = cycle;

test.each<[string, unknown, string, string]>([
  ["NaN", { data: { v: Number.NaN } }, "ERR_RECORD_NUMBER", "data.v"],
  ["an infinity", [{ a: [1, -Infinity] }], "ERR_RECORD_NUMBER", "[0].a[1]"],
  ["bytes", { data: { v: new Uint8Array(2) } }, "ERR_RECORD_FIELD_TYPE", "data.v"],
  ["a buffer", { data: Buffer.from("a") }, "ERR_RECORD_FIELD_TYPE", "data"],
  ["a Map", { data: new Map([["a", 1]]) }, "ERR_RECORD_FIELD_TYPE", "data"],
  ["a function", { f: () => 1 }, "ERR_RECORD_FIELD_TYPE", "f"],
  ["a symbol", { f: Symbol("s") }, "ERR_RECORD_FIELD_TYPE", "f"],
  ["nothing at all", undefined, "ERR_RECORD_FIELD_TYPE", ""],
  ["undefined in an array", { a: [undefined] }, "ERR_RECORD_FIELD_TYPE", "a[0]"],
  ["a hole", { a: withHole }, "ERR_RECORD_FIELD_TYPE", "a[1]"],
  ["a cycle", cycle, "ERR_RECORD_TOO_DEEP", Array.from({ length: 64 }, () => "again").join(".")],
])("%s is refused", (_name, value, code, path) => {
  expect(() => stringifyExactly(value)).toThrow(
    expect.objectContaining({ code, place: { position: undefined, path, offset: undefined } }),
  );
});

test("what JSON has a form for is written in it", () => {
  const value = { at: new Date(0), none: undefined, big: 2n ** 70n, url: new URL("http://a/") };
  expect(stringifyExactly(value)).toBe(
    `{"at":"1970-01-01T00:00:00.000Z","big":${2n ** 70n},"url":"http://a/"}`,
  );
});
