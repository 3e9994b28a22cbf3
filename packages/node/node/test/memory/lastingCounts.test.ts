/** Goal: what was counted stays counted, whatever ends. Method: sources that are read, and go one after the other. */
import { expect, it } from "vitest";
import { LastingCounts } from "../../src/memory/lastingCounts.ts";

it("keeps in its totals what those that have ended had counted when they were read last", () => {
  const counts = new LastingCounts<string>();
  counts.read("a", { x: 1 });
  counts.read("b", { x: 10, y: 5 });
  counts.read("a", { x: 3 });
  expect(counts.totals()).toEqual({ x: 13, y: 5 });
  counts.keepOnly(["b"]);
  expect(counts.totals()).toEqual({ x: 13, y: 5 });
  counts.keepOnly(["c"]);
  expect(counts.totals()).toEqual({ x: 13, y: 5 });
  // A thread that begins anew counts from 0.
  counts.read("c", { x: 2 });
  counts.keepOnly(["c"]);
  expect(counts.totals()).toEqual({ x: 15, y: 5 });
});
