// Goal: a stored record gets its place in front without being decoded, and reads as the record with two fields more.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { decodeRecord, encodeRecord, placedRecord } from "@annals/wire";

const TIME = "2026-11-22T10:00:00.000Z";

test("reads as the record with its seq and time in front", () => {
  const seq = fc.oneof(fc.constantFrom(1, 127, 128, 65_535, 65_536, 2 ** 32), fc.maxSafeNat());
  const extra = fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 30 });
  fc.assert(
    fc.property(seq, extra, fc.json(), (place, names, text) => {
      // More fields than a record may have: the layout does not depend on it.
      const more = Object.fromEntries(names.map((name) => [`x${name}`, name]));
      const record = { actor: { id: "älice" }, action: "a", data: { text }, ...more };
      const placed = placedRecord(place, TIME, encodeRecord(record));
      expect(decodeRecord(placed)).toEqual({ seq: place, recordedAt: TIME, ...record });
      expect(Object.keys(decodeRecord(placed)).slice(0, 2)).toEqual(["seq", "recordedAt"]);
    }),
  );
});

test("refuses what is no map", () => {
  expect(() => placedRecord(1, TIME, Buffer.from([0x93, 1, 2, 3]))).toThrow(
    expect.objectContaining({ code: "ERR_RECORD_UNREADABLE" }),
  );
  expect(() => placedRecord(1, TIME, new Uint8Array(0))).toThrow(/no map/);
});
