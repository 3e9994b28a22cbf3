/**
 * Goal: the states that rules are about do occur, and a long run without one of them fails. Method: short seeds, one
 * after the other, until all have occurred; totals by hand.
 */
import { expect, test } from "vitest";
import { simulate } from "../src/simulation.ts";
import { RARE_STATE_KINDS, SEEDS_WITH_ALL } from "../src/rareStates/rareStateKinds.ts";
import type { RareState } from "../src/rareStates/rareStateKinds.ts";
import { Totals } from "../src/program/totals.ts";

/** Faults end early. */
const SHORT = { faultyMsMax: 4000 };

/** Of which every few dozen short seeds come to one; the others are left to long runs. */
const FREQUENT: readonly RareState[] = [
  "leaderUnflushed",
  "truncatedInFlight",
  "overlappingTickets",
  "electedInJoint",
  "tailLost",
  "transferGivenUp",
  "transferCut",
];
const SEEDS_MAX = 120;

test("short seeds come to the rare states, and break no rule", { timeout: 120_000 }, async () => {
  const missing = new Set<string>(FREQUENT);
  for (let seed = 1; missing.size > 0 && seed <= SEEDS_MAX; seed++) {
    const { counts, violation } = await simulate(seed, SHORT);
    expect(violation).toBeUndefined();
    for (const [state, count] of counts) if (count > 0) missing.delete(state);
  }
  expect([...missing]).toEqual([]);
});

test("a state that never occurred is named when there were enough seeds for it", async () => {
  const outcome = await simulate(1, { faultyMsMax: 100 });
  const [absent, ...others] = RARE_STATE_KINDS;
  const counts = new Map(others.map((state) => [state, 1]));
  const totals = new Totals();
  for (let seed = 1; seed < SEEDS_WITH_ALL; seed++) totals.add({ ...outcome, counts });
  expect(totals.missing).toEqual([]);
  totals.add({ ...outcome, counts });
  expect(totals.missing).toEqual([absent]);
  expect(totals.render(1000)).toContain(absent);
});
