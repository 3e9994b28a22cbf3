// Goal: sizes and durations mean one thing, round-trip, and are refused without a unit.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "../src/units.ts";

describe("units", () => {
  test.each([
    ["64KiB", 65_536],
    ["10MB", 10_000_000],
    ["1.5GiB", 1_610_612_736],
    ["7 B", 7],
    ["0B", 0],
  ])("size %s", (text, value) => {
    expect(parseBytes(text)).toEqual({ ok: true, value });
  });

  test.each([
    ["500ms", 500],
    ["30s", 30_000],
    ["5m", 300_000],
    ["90d", 7_776_000_000],
    ["0.5s", 500],
  ])("duration %s", (text, value) => {
    expect(parseDuration(text)).toEqual({ ok: true, value });
  });

  test.each([
    ["64", "has no unit"],
    ["64k", 'unknown unit "k"'],
    ["-1KiB", "is not a size"],
    ["1e3B", "is not a size"],
    ["0.3B", "no whole number of bytes"],
    ["99999999TiB", "no whole number of bytes"],
    ["", "is not a size"],
    ["1constructor", 'unknown unit "constructor"'],
  ])("refuses %j", (text, message) => {
    expect(parseBytes(text)).toMatchObject({
      ok: false,
      message: expect.stringContaining(message),
    });
  });

  test("what is formatted reads back as the same number", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (value) => {
        expect(parseBytes(formatBytes(value))).toEqual({ ok: true, value });
        expect(parseDuration(formatDuration(value))).toEqual({ ok: true, value });
      }),
    );
  });
});
