// Goal: what is reached and what is better is said the right way round for rates and for times.
import { expect, test } from "vitest";
import { AIMS, aimsTable, ratiosTable } from "../src/figures.ts";

function cells(table: string, what: string): readonly string[] {
  const line = table.split("\n").find((text) => text.includes(what)) ?? "";
  return line
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

test("a rate must be at least its aim, a time at most", () => {
  const table = aimsTable({ one64PerSecond: 25_000, one1P50Ms: 0.61, catchUpOverIdleMiB: 5 });
  expect(cells(table, "64 in flight")).toEqual(["25 000 records/s", "≥ 25 000", "yes"]);
  expect(cells(table, "1 in flight, p50")).toEqual(["0.61 ms", "≤ 0.6", "no"]);
  expect(cells(table, "over idle")).toEqual(["5 MiB", "", ""]);
});

test("twice the rate and half the time are both better by two", () => {
  const before = { one64PerSecond: 10_000, one1P50Ms: 1, unknown: 3 };
  const table = ratiosTable({ one64PerSecond: 20_000, one1P50Ms: 0.5, replayPerSecond: 1 }, before);
  expect(cells(table, "64 in flight")).toEqual(["10 000 records/s", "20 000", "2.00 ×"]);
  expect(cells(table, "1 in flight, p50")).toEqual(["1 ms", "0.5", "2.00 ×"]);
  expect(table.trimEnd().split("\n")).toHaveLength(4);
});

test("no figure has two rows", () => {
  expect(new Set(AIMS.map(({ key }) => key)).size).toBe(AIMS.length);
});
