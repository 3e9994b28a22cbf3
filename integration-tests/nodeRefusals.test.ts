/**
 * Goal: whichever call to the system a node is refused, it serves what it has, or ends with the reason and serves it after a restart; and
 * it stays the same member. Method: a library preloaded into a process refuses one call after the other; here a sample of them, all of
 * them by `pnpm refusals`.
 */
import { randomInt } from "node:crypto";
import { expect, it } from "vitest";
import { drawRefusals, readPoints, Refusals, seededRandom } from "@annals/kit";
import { NODE_REFUSALS, POINTS } from "./refusals/points.ts";

const CALLS = 3;

it("a call that a node is refused does no harm", { timeout: 300_000 }, async ({ skip }) => {
  const refusals = (await Refusals.prepare(NODE_REFUSALS)) ?? skip("there is no C compiler");
  const seed = Number(process.env["REFUSALS_SEED"] ?? randomInt(2 ** 31));
  const walk = drawRefusals(readPoints(POINTS), CALLS, seededRandom(seed));
  const outcomes = await refusals.walk(walk);
  refusals.close();
  const bad = outcomes.filter(({ hit, problem }) => hit === undefined || problem !== undefined);
  expect(bad, `REFUSALS_SEED=${seed}, ${walk.phase} ${walk.errno}`).toEqual([]);
});

it("a lock file that is not the node's to write is a state with a reason", {
  timeout: 120_000,
}, async ({ skip }) => {
  const refusals = (await Refusals.prepare(NODE_REFUSALS)) ?? skip("there is no C compiler");
  const outcomes = await refusals.walk({ phase: "lasting", errno: "EACCES", from: 1, to: 2 });
  refusals.close();
  expect(outcomes.map(({ problem }) => problem)).toEqual([undefined, undefined]);
  expect(outcomes.map(({ hit }) => hit)).toEqual([
    expect.stringMatching(/^every \w+ \/lock$/),
    expect.stringMatching(/^every \w+ .*\/lock\.mdb$/),
  ]);
});
