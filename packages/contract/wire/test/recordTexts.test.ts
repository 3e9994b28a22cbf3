// Goal: stored records as JSON: bytes as base64, keys in their order, escapes as JSON.stringify writes them, and nothing of what is unreadable.
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { JsonText } from "../src/jsonText.ts";
import { TextLength } from "../src/textBytes.ts";
import { encodeRecord } from "../src/recordCodec.ts";
import { RecordTexts, recordText } from "../src/recordTexts.ts";

const TIME = Date.parse("2026-11-22T10:00:00.000Z");
const B = (...bytes: number[]): Buffer => Buffer.from(bytes);

test.each<[string, Uint8Array, string]>([
  ["bytes", B(0xc4, 3, 0x61, 0x62, 0x63), '"YWJj"'],
  ["no bytes", B(0xc4, 0), '""'],
  ["a float of 32 bits", B(0xca, 0x3f, 0, 0, 0), "0.5"],
  ["a negative zero", B(0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0), "-0"],
  [
    "the largest integer",
    B(0xcf, ...Array.from({ length: 8 }, () => 0xff)),
    "18446744073709551615",
  ],
  ["the least integer", B(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0), "-9223372036854775808"],
  ["a small negative one", B(0xe0), "-32"],
  ["digits", B(0xc7, 5, 1, ...Buffer.from("1e999")), "1e999"],
  ["digits of a fixed length", B(0xd7, 1, ...Buffer.from("1.00e999")), "1.00e999"],
  ["keys like positions", B(0x82, 0xa2, 0x31, 0x30, 1, 0xa1, 0x39, 2), '{"10":1,"9":2}'],
])("%s", (_name, bytes, text) => {
  expect(recordText(bytes)).toBe(text);
});

test("every character is escaped as JSON.stringify escapes it", () => {
  const text = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join("");
  for (const value of [text, ...text.slice(0, 0x100).split("")])
    expect(recordText(new Packr().pack(value))).toBe(JSON.stringify(value));
});

test.each<[string, Uint8Array]>([
  ["nothing", B()],
  ["no map", B(0x93, 1, 2, 3)],
  ["a key that is no string", B(0x81, 1, 1)],
  ["a cut", B(0x81, 0xa1)],
  ["a cut number", B(0x81, 0xa1, 0x61, 0xcf, 1)],
  ["bytes after the end", B(0x80, 0xc0)],
  ["another extension type", B(0x81, 0xa1, 0x61, 0xd4, 2, 0x31)],
  ["nested without an end", B(...Array.from({ length: 400 }, () => 0x91))],
])("%s is unreadable, and adds nothing", (_name, bytes) => {
  const texts = new RecordTexts();
  texts.add(1, TIME, encodeRecord({ actor: { id: "a" }, action: "b" }), Infinity);
  const { length } = texts;
  expect(() => texts.add(2, TIME, bytes, Infinity)).toThrow(
    expect.objectContaining({ code: "ERR_RECORD_UNREADABLE" }),
  );
  expect(texts.length).toBe(length);
});

test("what does not fit is not added, not even in part", () => {
  const texts = new RecordTexts();
  const record = encodeRecord({ actor: { id: "a" }, action: "b" });
  texts.add(1, TIME, record, Infinity);
  const { length } = texts;
  for (let more = 0; more < length; more++)
    expect(texts.add(1, TIME, record, length + more)).toBe(false);
  expect(texts.length).toBe(length);
  expect(texts.add(1, TIME, record, 2 * length)).toBe(true);
});

test("a large record has a buffer of its own size, whatever is in it", () => {
  const escapes = '\u0000\n"ä€😀x'.repeat(30_000);
  const record = encodeRecord({
    actor: { id: "a" },
    action: "b",
    data: { escapes, bytes: new Uint8Array(100_001), n: [1, -1, 2.5, 2 ** 40, null, true] },
  });
  const texts = new RecordTexts();
  texts.text('{"items":[');
  texts.add(1, TIME, record, Infinity);
  texts.text("]}");
  const bytes = texts.take();
  expect(bytes.buffer.byteLength - bytes.length).toBeLessThan(1024);
  expect(JSON.parse(Buffer.from(bytes).toString())).toMatchObject({
    items: [{ data: { escapes } }],
  });
  const measured = new TextLength();
  new JsonText(measured).value(record);
  expect(measured.length).toBe(Buffer.byteLength(recordText(record)));
});

test("grows over many records, and takes the last ones back", () => {
  const texts = new RecordTexts();
  const record = (k: number): Uint8Array =>
    encodeRecord({ actor: { id: "ä" }, action: "x".repeat(k % 300) });
  const ends = Array.from({ length: 1000 }, (_, k) => {
    texts.add(k, TIME + (k >> 3), record(k), Infinity);
    texts.text("\n");
    return texts.length;
  });
  texts.cutTo(ends[900] ?? 0);
  const lines = Buffer.from(texts.take()).toString().trimEnd().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
    Array.from({ length: 901 }, (_, k) => ({
      seq: k,
      recordedAt: new Date(TIME + (k >> 3)).toISOString(),
      actor: { id: "ä" },
      action: "x".repeat(k % 300),
    })),
  );
});
