// Goal: heads of the client stream survive both encodings, bodies pass untouched, and what is no head is refused with a code and a place.
import * as fc from "fast-check";
import { pack, unpack } from "msgpackr";
import { describe, expect, test } from "vitest";
import {
  splitStreamMessage,
  STREAM_HEAD_BYTES_MAX,
  STREAM_PROTOCOLS,
  streamHead,
} from "../src/streamMessage.ts";
import { WireError } from "../src/wireError.ts";

function refusal(work: () => unknown): string {
  try {
    work();
    return "accepted";
  } catch (error) {
    return error instanceof WireError ? error.message : `uncoded ${String(error)}`;
  }
}

const value = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.boolean(), fc.maxSafeNat());
const fields = fc
  .array(fc.tuple(fc.string({ maxLength: 15 }), value), { maxLength: 20 })
  .map((pairs) => new Map(pairs.filter(([name]) => name !== "__proto__")));

describe.each(STREAM_PROTOCOLS)("%s", (protocol) => {
  test("gives back heads and leaves bodies as they are", () => {
    fc.assert(
      fc.property(fields, fc.uint8Array({ maxLength: 100 }), (head, body) => {
        const message = Buffer.concat([streamHead(protocol, head), body]);
        const read = splitStreamMessage(protocol, message);
        expect(new Map(read.fields)).toEqual(head);
        expect([...read.body]).toEqual([...body]);
      }),
    );
  });

  test("reads anything at all as a head or refuses it with a code", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refusal(() => splitStreamMessage(protocol, bytes))).toMatch(/^accepted$|at byte/);
      }),
      { numRuns: 1000 },
    );
  });
});

test("heads are JSON and msgpack for everybody else, too", () => {
  const head = new Map<string, string | number | boolean>([
    ["kind", "credit"],
    ["id", 7],
    ["big", 2 ** 31],
    ["more", true],
  ]);
  expect(JSON.parse(Buffer.from(streamHead("annals.v1.json", head)).toString())).toEqual(
    Object.fromEntries(head),
  );
  const packed = streamHead("annals.v1.msgpack", head);
  expect(unpack(packed)).toEqual(Object.fromEntries(head));
  expect(new Map(splitStreamMessage("annals.v1.msgpack", pack(unpack(packed))).fields)).toEqual(
    head,
  );
});

const text = (line: string): Uint8Array => Buffer.from(line);
const long = "x".repeat(STREAM_HEAD_BYTES_MAX);

test.each([
  ["a line without an end is a head without a body", text('{"kind":"ack"}'), "accepted"],
  ["no JSON", text("hello\n"), "the head is no JSON object on one line at byte 0"],
  ["an array", text("[1]\n"), "the head is no JSON object on one line at byte 0"],
  ["nesting", text('{"a":{}}\n'), "a field of the head is no text, integer or boolean at byte 0"],
  ["null", text('{"a":null}\n'), "a field of the head is no text, integer or boolean at byte 0"],
  [
    "a fraction",
    text('{"a":1.5}\n'),
    "a field of the head is no text, integer or boolean at byte 0",
  ],
  [
    "below zero",
    text('{"a":-1}\n'),
    "a field of the head is no text, integer or boolean at byte 0",
  ],
  ["no UTF-8", Buffer.from([0x22, 0xff, 0x22, 0x0a]), "the head is no UTF-8 at byte 0"],
  [
    "a head that does not end",
    text(`{"a":"${long}"}\n`),
    "a head of more than 4096 bytes at byte 4096",
  ],
  [
    "many fields",
    text(JSON.stringify(Object.fromEntries(Array.from({ length: 33 }, (_, k) => [`k${k}`, k])))),
    "33 fields, at most 32 at byte 0",
  ],
  ["a long name", text(`{"${"n".repeat(65)}":1}`), "a name of more than 64 bytes at byte 0"],
])("JSON: %s", (_what, bytes, expected) => {
  expect(refusal(() => splitStreamMessage("annals.v1.json", bytes))).toBe(expected);
});

test.each([
  ["no map", "93010203", "expected map (head) at byte 0"],
  ["pairs that are not there", "82a161", "head: more pairs than bytes at byte 1"],
  ["a map that lies about its size", "dfffffffff", "head: 4294967295 pairs, at most 32 at byte 5"],
  ["nesting", "81a16180", "expected unsigned integer (field) at byte 3"],
  ["nil", "81a161c0", "expected unsigned integer (field) at byte 3"],
  ["an extension", "81a161d40001", "expected unsigned integer (field) at byte 3"],
  ["a name twice", "82a16101a16102", "a name that was there before at byte 6"],
  ["nothing", "", "head at byte 0"],
])("msgpack: %s", (_what, hex, expected) => {
  const bytes = Buffer.from(hex, "hex");
  expect(refusal(() => splitStreamMessage("annals.v1.msgpack", bytes))).toBe(expected);
});

test("msgpack: a head ends within its cap, however long the message is", () => {
  const head = streamHead("annals.v1.msgpack", new Map([["a", `${long}x`]]));
  expect(refusal(() => splitStreamMessage("annals.v1.msgpack", head))).toMatch(/at byte/);
});
