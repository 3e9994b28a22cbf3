import { MUTANTS } from "../mutants/mutants.ts";
import type { Mutant } from "../world/mutant.ts";
import { simulate } from "../simulation.ts";

/** What became of one planted bug. */
interface MutationResult {
  readonly mutant: Mutant;
  /** Seeds until a rule was broken; undefined if none was within the budget. */
  readonly seeds: number | undefined;
  readonly rule: string | undefined;
}

/** Plants each bug in turn and prints by which seed and rule it was caught. Returns the exit code. */
export async function runMutants(from: number, seeds: number, only?: string): Promise<number> {
  const mutants = MUTANTS.filter(({ name }) => only === undefined || name === only);
  if (mutants.length === 0) {
    const known = MUTANTS.map(({ name }) => `  ${name}`).join("\n");
    console.error(`sim: there is no mutant "${only}"; there are\n${known}`);
    return 2;
  }
  const results: MutationResult[] = [];
  for (const mutant of mutants) {
    const result = await runMutant(mutant, from, seeds);
    results.push(result);
    console.log(tell(result, from, seeds));
  }
  const caught = results.filter((result) => result.seeds !== undefined).length;
  console.log(
    `mutants: ${caught} passed, ${results.length - caught} failed · median ${medianSeeds(results)} seeds to catch`,
  );
  return caught < results.length ? 1 : 0;
}

function tell({ mutant, seeds, rule }: MutationResult, from: number, seedsMax: number): string {
  const found =
    seeds === undefined
      ? `NOT CAUGHT within ${seedsMax} seeds`
      : `caught by seed ${from + seeds - 1} (${seeds} run): ${rule}`;
  return `${mutant.name.padEnd(28)} ${found}\n${" ".repeat(29)}${mutant.bug}`;
}

/** Runs seeds with the bug in place until some rule breaks. */
async function runMutant(mutant: Mutant, from: number, seedsMax: number): Promise<MutationResult> {
  const remove = mutant.install?.();
  try {
    for (let seeds = 1; seeds <= seedsMax; seeds++) {
      const { violation } = await simulate(from + seeds - 1, { mutant, putBack: mutant.putBack });
      if (violation !== undefined) return { mutant, seeds, rule: violation.rule };
    }
    return { mutant, seeds: undefined, rule: undefined };
  } finally {
    remove?.();
  }
}

/** The middle of the numbers of seeds; a mutant that got away counts as more than any other. */
function medianSeeds(results: readonly MutationResult[]): number {
  const sorted = results.map(({ seeds }) => seeds ?? Infinity).toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Infinity;
}
