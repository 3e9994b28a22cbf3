// Goal: of a failed run only the faults that break the rule are left, and they break it again. Method: a planted bug that needs few of them.
import { expect, it } from "vitest";
import { MUTANTS } from "../src/mutants/mutants.ts";
import { shrink } from "../src/program/shrink.ts";
import { simulate } from "../src/simulation.ts";
import type { Outcome } from "../src/simulation.ts";
import type { Schedule } from "../src/world/schedule.ts";

const BUG = "vote-not-persisted";
const SEEDS_MAX = 60;
const STRIKES_MIN = 4;

it("leaves few strikes, which still break the rule", { timeout: 60_000 }, async () => {
  const mutant = MUTANTS.find(({ name }) => name === BUG);
  const run = (seed: number, part: Partial<Schedule> = {}): Promise<Outcome> =>
    simulate(seed, { mutant, ...part });
  const remove = mutant?.install?.();
  try {
    const failed = await firstFailure(run);
    const shrunk = await shrink(failed, (part) => run(failed.seed, part));
    expect(shrunk.strikesOnly.size).toBeLessThan(failed.strikes.length);
    const again = await run(failed.seed, shrunk);
    expect(again.violation?.rule).toBe(failed.violation?.rule);
    expect(again.strikes).toEqual([...shrunk.strikesOnly]);
    expect(again.hash).toBe(shrunk.outcome.hash);
  } finally {
    remove?.();
  }
});

async function firstFailure(run: (seed: number) => Promise<Outcome>): Promise<Outcome> {
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const outcome = await run(seed);
    if (outcome.violation !== undefined && outcome.strikes.length >= STRIKES_MIN) return outcome;
  }
  throw new Error(`no seed up to ${SEEDS_MAX} finds the bug`);
}
