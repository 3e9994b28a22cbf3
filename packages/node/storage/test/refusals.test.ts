// Goal: whichever call to the system is refused, nothing that was acknowledged is lost, called damaged or put aside, and the log goes on.
// Method: a library preloaded into a process refuses one call after the other; here a sample of them, all of them by refusals/all.ts.
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import {
  drawRefusals,
  fallenPoints,
  readPoints,
  Refusals,
  sampledCalls,
  seededRandom,
} from "@annals/kit";
import type { RefusalOutcome, RefusalWalk } from "@annals/kit";
import { LOG_REFUSALS, POINTS } from "./refusals/points.ts";

const WALKS = 3;
const WALK_CALLS = 2;

test("a call that is refused does no harm", { timeout: 120_000 }, async ({ skip }) => {
  const refusals = (await Refusals.prepare(LOG_REFUSALS)) ?? skip("there is no C compiler");
  const seed = Number(process.env["REFUSALS_SEED"] ?? randomInt(2 ** 31));
  const random = seededRandom(seed);
  const kept = readPoints(POINTS);
  const walks = Array.from({ length: WALKS }, () => drawRefusals(kept, WALK_CALLS, random));
  const outcomes: { readonly walk: RefusalWalk; readonly found: readonly RefusalOutcome[] }[] = [];
  for (const walk of walks) outcomes.push({ walk, found: await refusals.walk(walk) });
  refusals.close();
  const bad = outcomes.flatMap(({ walk, found }) =>
    found
      .filter(({ hit, problem }) => hit === undefined || problem !== undefined)
      .map((outcome) => ({ ...walk, ...outcome })),
  );
  expect(bad, `REFUSALS_SEED=${seed}`).toEqual([]);
});

test("a place with fewer calls than there were is told, also one that is gone", () => {
  const kept = { "start EIO": 3, "roll EIO": 2, "vote EIO": 1 };
  expect(fallenPoints(kept, { "start EIO": 2, "roll EIO": 2 })).toEqual([
    "start EIO: 2 points, there were 3",
    "vote EIO: 0 points, there were 1",
  ]);
  expect(fallenPoints(kept, { ...kept, "roll EIO": 9 })).toEqual([]);
});

test("a sample has the last call, which tells when there are fewer, and no more than there are", () => {
  for (let seed = 0; seed < 50; seed++) {
    const calls = sampledCalls(40, { count: 5, seed });
    expect(calls.length).toBe(5);
    expect(calls.at(-1)).toBe(40);
    expect(calls[0]).toBeGreaterThan(0);
    expect(calls).toEqual(sampledCalls(40, { count: 5, seed }));
  }
  expect(sampledCalls(2, { count: 5, seed: 1 })).toEqual([1, 2]);
  expect(sampledCalls(0, { count: 5, seed: 1 })).toEqual([]);
});
