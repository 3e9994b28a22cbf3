import { runSeeds } from "./seedPool.ts";
import type { SeedPoolOptions } from "./seedPool.ts";
import type { Outcome } from "../simulation.ts";

/** Runs every seed twice, on whatever thread is free: the traces must be the same. Returns the exit code. */
export async function checkDeterminism(
  { jobs, putBack }: Pick<SeedPoolOptions, "jobs" | "putBack">,
  seeds: Iterator<number>,
): Promise<number> {
  const firsts = new Map<number, Outcome>();
  let again: number | undefined;
  let same = 0;
  let differing = 0;
  await runSeeds({
    jobs,
    putBack,
    nextSeed: () => {
      const seed = again ?? seeds.next().value;
      again = again === undefined ? seed : undefined;
      return seed;
    },
    onOutcome: (outcome) => {
      const { seed, hash, events } = outcome;
      const first = firsts.get(seed);
      if (first === undefined) {
        firsts.set(seed, outcome);
        return;
      }
      firsts.delete(seed);
      if (first.hash === hash && first.events === events) {
        same++;
        return;
      }
      differing++;
      console.log(`seed ${seed} gives ${first.hash}, then ${hash}`);
    },
  });
  console.log(`${same} passed, ${differing} failed · each seed run twice`);
  return differing > 0 ? 1 : 0;
}
