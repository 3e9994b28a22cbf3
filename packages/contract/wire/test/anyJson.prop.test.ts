// Goal: whatever JSON document goes in comes out, key for key in its order, each number with its value, by every format and reader.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  doubleText,
  keptNumber,
  parseExactly,
  RECORD_LIMITS,
  stringifyExactly,
} from "@annals/record";
import { decodeRecord, encodeRecord } from "../src/recordCodec.ts";
import { parseIngestBody } from "../src/ingest.ts";
import { RecordTexts, recordText } from "../src/recordTexts.ts";

const number = fc.oneof(
  fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,3})?$/),
  fc.constantFrom("-0", "9007199254740993", "9007199254740993.0", "18446744073709551616", "1e400"),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
);
const string = fc.string({ unit: "binary" }).map((text) => JSON.stringify(text.toWellFormed()));
const keys = fc.oneof(
  fc.constantFrom("10", "9", "b", "a", "constructor"),
  fc.string({ unit: "grapheme" }),
);

/** JSON text, so that neither the order of keys nor a digit depends on JavaScript. */
const { document } = fc.letrec<{ document: string; value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    number,
    string,
    fc.constantFrom("true", "false", "null"),
    fc.array(tie("value"), { maxLength: 20 }).map((items) => `[${items.join(",")}]`),
    tie("document"),
  ),
  document: fc
    .uniqueArray(
      fc.tuple(
        keys.filter((key) => key !== "__proto__"),
        tie("value"),
      ),
      {
        maxLength: 18,
        selector: ([key]) => key.toWellFormed(),
      },
    )
    .map(
      (fields) =>
        `{${fields.map(([key, value]) => `${JSON.stringify(key.toWellFormed())}:${value}`).join(",")}}`,
    ),
}));

const recordOf = (data: string): string => `{"actor":{"id":"a"},"action":"b","data":${data}}`;

/** A number in the form in which it is kept; it only stands in place of another of the same value (see `keptNumber`). */
function written(text: string): string {
  return text.replaceAll(NUMBER_OR_STRING, (token) => {
    if (token.startsWith('"')) return token;
    const kept = keptNumber(token);
    return typeof kept === "number" ? doubleText(kept) : String(kept);
  });
}
const NUMBER_OR_STRING = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function stored(text: string, type: "application/json" | "application/x-ndjson"): Uint8Array {
  const { records } = parseIngestBody(type, Buffer.from(text), RECORD_LIMITS);
  return records[0] ?? new Uint8Array(0);
}

test("JSON and NDJSON come out as they went in", () => {
  fc.assert(
    fc.property(document, (data) => {
      const text = recordOf(data);
      const json = stored(text, "application/json");
      expect(stored(`${text}\n`, "application/x-ndjson")).toEqual(json);
      expect(recordText(json)).toBe(written(text));
      const texts = new RecordTexts();
      texts.add(7, 0, json, Infinity);
      expect(Buffer.from(texts.take()).toString()).toBe(
        `{"seq":7,"recordedAt":"1970-01-01T00:00:00.000Z",${written(text).slice(1)}`,
      );
    }),
    { numRuns: 300 },
  );
});

test("what is stored is stored the same when it is sent again: as text, as msgpack, by a client", () => {
  fc.assert(
    fc.property(document, (data) => {
      const bytes = stored(recordOf(data), "application/json");
      expect(stored(recordText(bytes), "application/json")).toEqual(bytes);
      const [packed] = parseIngestBody("application/msgpack", bytes, RECORD_LIMITS).records;
      expect(packed).toEqual(bytes);
      const client = stringifyExactly(parseExactly(recordText(bytes)));
      expect(sortedText(stored(client, "application/json"))).toBe(sortedText(bytes));
      // The encoder of tests writes a zero without its sign.
      const again = sortedText(encodeRecord(decodeRecord(bytes)));
      expect(again).toBe(sortedText(bytes).replaceAll(/(?<=[[,])-0(?=[,\]])/g, "0"));
    }),
    { numRuns: 300 },
  );
});

/** JavaScript puts keys that look like positions first: order is left out of the comparison. */
function sortedText(bytes: Uint8Array): string {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(sorted);
    if (typeof value !== "object" || value === null || "toJSON" in value) return value;
    return Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]);
  };
  return stringifyExactly(sorted(parseExactly(recordText(bytes))));
}
