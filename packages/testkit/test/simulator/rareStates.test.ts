/**
 * Goal: the states that rules are about do occur, and a long run without one of them fails. Method: seeds that are known to come to the rarest
 * ones; totals by hand.
 */
import { describe, expect, it, test } from "vitest";
import { simulate } from "@annals/testkit";
import { RARE_STATE_KINDS, SEEDS_WITH_ALL } from "../../src/simulator/rareStateKinds.ts";
import { Totals } from "../../src/simulator/totals.ts";

/** Faults end early. */
const SHORT = { faultyMsMax: 4000 };

describe("seeds that come to rare states and break no rule", { timeout: 60_000 }, () => {
  it.each([
    [26, ["electedInJoint"]],
    [47, ["truncatedInFlight", "overlappingTickets", "leaderUnflushed"]],
    [50, ["learnerReplaced"]],
    [13, ["transferGivenUp", "transferCut", "tailLost"]],
  ] as const)("seed %i: %o", async (seed, states) => {
    const { counts, violation } = await simulate(seed, SHORT);
    expect(violation).toBeUndefined();
    expect(states.filter((state) => (counts.get(state) ?? 0) === 0)).toEqual([]);
  });
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
