// Goal: a stored record gets its place in front without being decoded, and reads as the record with two fields more.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecord, encodeRecord } from "../src/recordCodec.ts";
import { PlacedRecords } from "../src/placedRecords.ts";

/** One after the other, and each also as the first. */
function placed(records: readonly (readonly [seq: number, record: Uint8Array])[]): Uint8Array {
  const all = new PlacedRecords();
  for (const [seq, record] of records) all.add(seq, Date.parse(TIME), record, Infinity);
  return all.take();
}

const TIME = "2026-11-22T10:00:00.000Z";

test("reads as the record with its seq and time in front", () => {
  const seq = fc.oneof(fc.constantFrom(1, 127, 128, 65_535, 65_536, 2 ** 32), fc.maxSafeNat());
  const extra = fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 30 });
  fc.assert(
    fc.property(seq, extra, fc.json(), (place, names, text) => {
      // More fields than a record may have: the layout does not depend on it.
      const more = Object.fromEntries(names.map((name) => [`x${name}`, name]));
      const record = { actor: { id: "älice" }, action: "a", data: { text }, ...more };
      const one = placed([[place, encodeRecord(record)]]);
      expect(decodeRecord(one)).toEqual({ seq: place, recordedAt: TIME, ...record });
      expect(Object.keys(decodeRecord(one)).slice(0, 2)).toEqual(["seq", "recordedAt"]);
    }),
  );
});

test("refuses what is no map", () => {
  expect(() => placed([[1, Buffer.from([0x93, 1, 2, 3])]])).toThrow(
    expect.objectContaining({ code: "ERR_RECORD_UNREADABLE" }),
  );
  expect(() => placed([[1, new Uint8Array(0)]])).toThrow(/no map/);
});

test("grows over many records", () => {
  const all = new PlacedRecords();
  const record = (k: number): Uint8Array =>
    encodeRecord({ actor: { id: "a" }, action: "x".repeat(k % 300) });
  const ends = Array.from({ length: 1000 }, (_, k) => {
    all.add(k, Date.parse(TIME) + (k >> 3), record(k), Infinity);
    return all.length;
  });
  expect(all.add(7, 0, record(0), all.length + 20)).toBe(false);
  const bytes = all.take();
  expect(all.length).toBe(0);
  expect(bytes.length).toBe(bytes.buffer.byteLength);
  const parts = ends.map((end, k) => bytes.subarray(ends[k - 1] ?? 0, end));
  expect(parts.map((part) => decodeRecord(part))).toEqual(
    parts.map((_, k) => ({
      seq: k,
      recordedAt: new Date(Date.parse(TIME) + (k >> 3)).toISOString(),
      actor: { id: "a" },
      action: "x".repeat(k % 300),
    })),
  );
});
