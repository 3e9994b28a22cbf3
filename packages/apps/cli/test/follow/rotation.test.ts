// Goal: which names belong to rotated files, and in what order these were written. Method: tables.
import { expect, test } from "vitest";
import { compareRotated, rotatedName } from "../../src/follow/rotation.ts";

test.each([
  ["app.log", "app.log.1", "1"],
  ["app.log", "app.log.12.gz", "12"],
  ["app.log", "app.log-20260101", "20260101"],
  ["app.log", "app.log-20260101.zst", "20260101"],
  ["app.log", "app.log.2026-01-01T10:00:00+01:00", "2026-01-01T10:00:00+01:00"],
  ["app.log", "app-2026-01-01T00-00-00.000.log", "2026-01-01T00-00-00.000"],
  ["app.log", "app-2026-01-01T00-00-00.000.log.gz", "2026-01-01T00-00-00.000"],
  ["app.log", "app.1.log", "1"],
  ["app.log", "app.log.old", "old"],
  ["app.log", "app.log.bak1", "bak1"],
  ["app.log", "app.log.gz", ""],
  ["app", "app.3", "3"],
])("a rotated file of %s: %s", (base, name, suffix) => {
  expect(rotatedName(base, name)?.suffix).toBe(suffix);
});

test.each([
  ["app.log", "app.log.annals"],
  ["app.log", "app.log.annals.lock"],
  ["app.log", "app.log.swp"],
  ["app.log", "app-error.log"],
  ["app.log", "app.log-errors"],
  ["app.log", "apple.log.1"],
  ["app.log", "other.log.1"],
  ["app.log", "app.log.dead.ndjson"],
  ["app.log", "my-app.log.1"],
])("none of %s: %s", (base, name) => {
  expect(rotatedName(base, name)).toBeUndefined();
});

test.each([
  [
    "by the time of the last write",
    [
      ["1", 10n],
      ["2", 20n],
    ],
    ["1", "2"],
  ],
  [
    "by number, which falls, if that is equal",
    [
      ["1", 5n],
      ["3", 5n],
      ["12", 5n],
    ],
    ["12", "3", "1"],
  ],
  [
    "by date, which rises",
    [
      ["20260102", 5n],
      ["20260101", 5n],
    ],
    ["20260101", "20260102"],
  ],
] as const)("the order is %s", (_name, files, wanted) => {
  const sorted = files
    .map(([suffix, modified]) => ({ suffix, modified }))
    .toSorted(compareRotated)
    .map(({ suffix }) => suffix);
  expect(sorted).toEqual(wanted);
});
