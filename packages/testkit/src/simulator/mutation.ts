import type { Mutant } from "../mutants/mutant.ts";
import { simulate } from "./simulation.ts";

/** What became of one planted bug. */
export interface MutationResult {
  readonly mutant: Mutant;
  /** Seeds until a rule was broken; undefined if none was within the budget. */
  readonly seeds: number | undefined;
  readonly rule: string | undefined;
}

/** Runs seeds with the bug in place until some rule breaks. */
export async function runMutant(
  mutant: Mutant,
  from: number,
  seedsMax: number,
): Promise<MutationResult> {
  const remove = mutant.install?.();
  try {
    for (let seeds = 1; seeds <= seedsMax; seeds++) {
      const { violation } = await simulate(from + seeds - 1, { mutant });
      if (violation !== undefined) return { mutant, seeds, rule: violation.rule };
    }
    return { mutant, seeds: undefined, rule: undefined };
  } finally {
    remove?.();
  }
}

/** The middle of the numbers of seeds; a mutant that got away counts as more than any other. */
export function medianSeeds(results: readonly MutationResult[]): number {
  const sorted = results.map(({ seeds }) => seeds ?? Infinity).toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Infinity;
}
