// Goal: whichever call to the system is refused, nothing that was acknowledged is lost, called damaged or put aside, and the log goes on.
// Method: a library preloaded into a process refuses one call after the other; here a sample of them, all of them by refusals/all.ts.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { seededRandom } from "@annals/testkit";
import { ERRNOS, PHASES } from "./refusals/points.ts";
import type { Outcome, Walk } from "./refusals/points.ts";
import { Refusals } from "./refusals/refusals.ts";

const WALKS = 3;
const WALK_CALLS = 2;

const kept: Readonly<Record<string, number>> = JSON.parse(
  readFileSync(join(import.meta.dirname, "refusals/points.json"), "utf8"),
);

/** A few calls at a place that the seed decides. */
function drawWalk(random: (below: number) => number): Walk {
  const places = PHASES.flatMap((phase) =>
    ERRNOS.flatMap((errno) => {
      const calls = kept[`${phase} ${errno}`] ?? 0;
      return calls === 0 ? [] : [{ phase, errno, calls }];
    }),
  );
  const place = places[random(places.length)];
  if (place === undefined) throw new Error("points.json names no calls");
  const { phase, errno, calls } = place;
  const from = 1 + random(calls);
  return { phase, errno, from, to: Math.min(calls, from + WALK_CALLS - 1) };
}

test("a call that is refused does no harm", { timeout: 120_000 }, async ({ skip }) => {
  const refusals = (await Refusals.prepare()) ?? skip("there is no C compiler");
  const seed = Number(process.env["REFUSALS_SEED"] ?? randomInt(2 ** 31));
  const random = seededRandom(seed);
  const walks = Array.from({ length: WALKS }, () => drawWalk(random));
  const outcomes: { readonly walk: Walk; readonly found: readonly Outcome[] }[] = [];
  for (const walk of walks) outcomes.push({ walk, found: await refusals.walk(walk) });
  refusals.close();
  const bad = outcomes.flatMap(({ walk, found }) =>
    found
      .filter(({ hit, problem }) => hit === undefined || problem !== undefined)
      .map((outcome) => ({ ...walk, ...outcome })),
  );
  expect(bad, `REFUSALS_SEED=${seed}`).toEqual([]);
});
