// Goal: what JSON.parse and msgpackr would make of a record is what we store, and no bytes whatever end in anything but a coded refusal.
import * as fc from "fast-check";
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { BadInputError, RECORD_LIMITS, stringifyExactly } from "@annals/record";
import { decodeRecord } from "../src/recordCodec.ts";
import { parseIngestBody } from "../src/ingest.ts";
import type { IngestContentType } from "../src/ingest.ts";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const jsonText = fc.oneof(
  fc.json({ stringUnit: "binary" }),
  fc.jsonValue({ maxDepth: 5 }).map((value) => JSON.stringify(value, undefined, 1)),
);

function wrap(value: string): Buffer {
  return Buffer.from(`{"actor":{"id":"a"},"action":"b","data":{"v":${value}}}`);
}

/** The records, or the code of the refusal. */
function attempt(type: IngestContentType, body: Uint8Array): readonly Uint8Array[] | string {
  try {
    return parseIngestBody(type, body, RECORD_LIMITS).records;
  } catch (error) {
    return error instanceof BadInputError ? error.code : `uncoded ${String(error)}`;
  }
}

/** With every number rounded as JSON.parse does. */
function decoded(record: Uint8Array): unknown {
  return JSON.parse(stringifyExactly(decodeRecord(record)));
}

function tryJson(text: string): unknown {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

const stricter: unknown = expect.stringMatching(/_(DUPLICATE_KEY|NUMBER|KEY|NOT_UTF8|TOO_DEEP)$/);

test("JSON means what JSON.parse says", () => {
  fc.assert(
    fc.property(jsonText, (text) => {
      const body = wrap(text);
      const result = attempt("application/json", body);
      // Stricter than JSON.parse in these, and in nothing else.
      const expected = typeof result === "string" ? stricter : [JSON.parse(body.toString())];
      expect(typeof result === "string" ? result : result.map(decoded)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});

test("what JSON.parse refuses, we refuse", () => {
  const mutations = fc.array(
    fc.tuple(fc.nat(), fc.constantFrom(...Array.from(`{}[]",:\\0123456789.eE+-tfnu \n`))),
    { minLength: 1, maxLength: 3 },
  );
  fc.assert(
    fc.property(jsonText, mutations, (text, changes) => {
      const characters = Array.from(text);
      for (const [where, character] of changes) characters[where % characters.length] = character;
      const body = wrap(characters.join(""));
      if (tryJson(body.toString()) !== undefined) return;
      expect(() => parseIngestBody("application/json", body, RECORD_LIMITS)).toThrow(BadInputError);
    }),
    { numRuns: 500 },
  );
});

test("msgpack records come back as they were", () => {
  const value = fc.jsonValue({ maxDepth: 6 });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (values, sequence) => {
        const originals = values.map((v) => ({ actor: { id: "a" }, action: "b", data: { v } }));
        const body = sequence
          ? Buffer.concat(originals.map((record) => packr.pack(record)))
          : packr.pack(originals);
        const result = attempt("application/msgpack", body);
        const expected = originals.map((record) => [...packr.pack(record)]);
        expect(typeof result === "string" ? result : result.map((record) => [...record])).toEqual(
          result === "ERR_RECORD_KEY" ? result : expected,
        );
      },
    ),
    { numRuns: 200 },
  );
});

test("hostile bytes end in a refusal or in records that decode", () => {
  const types: IngestContentType[] = [
    "application/json",
    "application/x-ndjson",
    "application/msgpack",
  ];
  const sample = packr.pack([
    { actor: { id: "a" }, action: "b", targets: [{ id: "t" }], data: { x: [1, "two", null] } },
  ]);
  const mutated = fc
    .array(fc.tuple(fc.nat({ max: sample.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(sample);
      for (const [where, byte] of changes) bytes[where] = byte;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })),
      (type, body) => {
        const result = attempt(type, body);
        const records = typeof result === "string" ? [] : result;
        expect(() => records.forEach(decodeRecord)).not.toThrow();
        expect(typeof result === "string" ? result : "ERR_").not.toContain("uncoded");
      },
    ),
    { numRuns: 3000 },
  );
});

test("a megabyte of empty maps is refused without building any", () => {
  const body = Buffer.concat([Buffer.from([0xdd, 0, 0x10, 0, 0]), Buffer.alloc(2 ** 20, 0x80)]);
  const limits = { ...RECORD_LIMITS, maxRecords: 2 ** 21 };
  expect(() => parseIngestBody("application/msgpack", body, limits)).toThrow(
    expect.objectContaining({ code: "ERR_RECORD_FIELD_MISSING" }),
  );
});
