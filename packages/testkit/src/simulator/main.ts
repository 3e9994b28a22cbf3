import { MUTANTS } from "../mutants/mutants.ts";
import { parseArguments, USAGE } from "./arguments.ts";
import type { SimulatorArguments } from "./arguments.ts";
import { medianSeeds, runMutant } from "./mutation.ts";
import type { MutationResult } from "./mutation.ts";
import { simulate } from "./simulation.ts";
import type { Outcome } from "./simulation.ts";
import { Totals } from "./totals.ts";

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.kind === "help") {
    console.log(USAGE);
    return 0;
  }
  if (parsed.kind === "wrong") {
    console.error(`sim: ${parsed.problem}\n\n${USAGE}`);
    return 2;
  }
  switch (parsed.mode) {
    case "determinism":
      return checkDeterminism(parsed);
    case "mutants":
      return runMutants(parsed);
    case "run":
      return runSeeds(parsed);
    default:
      return parsed.mode satisfies never;
  }
}

async function runSeeds({ from, seeds }: SimulatorArguments): Promise<number> {
  const totals = new Totals();
  const begun = performance.now();
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = await simulate(seed);
    totals.add(outcome);
    if (outcome.violation !== undefined) await explain(outcome);
  }
  console.log(totals.render(performance.now() - begun));
  return totals.failed > 0 ? 1 : 0;
}

/** Runs a failed seed once more, this time with words. */
async function explain({ seed }: Outcome): Promise<void> {
  const { violation, tail, plan } = await simulate(seed, { keepsLines: true });
  const faults = [...plan.everyMs.keys(), ...plan.chances.keys()].join(", ");
  console.log(
    [
      `FAILED seed ${seed}: ${plan.nodes} nodes, ${plan.logs} logs, faults: ${faults || "none"}`,
      ...tail.map((line) => `  ${line}`),
      `seed ${seed} breaks "${violation?.rule}": ${violation?.text}`,
      `REPRODUCE: pnpm sim --from ${seed} --seeds 1`,
    ].join("\n"),
  );
}

async function checkDeterminism({ from, seeds }: SimulatorArguments): Promise<number> {
  let differing = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const first = await simulate(seed);
    const second = await simulate(seed, { keepsLines: true });
    if (first.hash === second.hash && first.events === second.events) continue;
    differing++;
    console.log(`seed ${seed} gives ${first.hash}, then ${second.hash}`);
  }
  console.log(`${seeds - differing} passed, ${differing} failed · each seed run twice`);
  return differing > 0 ? 1 : 0;
}

async function runMutants({ from, seeds }: SimulatorArguments): Promise<number> {
  const results: MutationResult[] = [];
  for (const mutant of MUTANTS) {
    const result = await runMutant(mutant, from, seeds);
    results.push(result);
    const found =
      result.seeds === undefined
        ? `NOT CAUGHT within ${seeds} seeds`
        : `caught by seed ${from + result.seeds - 1} (${result.seeds} run): ${result.rule}`;
    console.log(`${mutant.name.padEnd(28)} ${found}\n${" ".repeat(29)}${mutant.bug}`);
  }
  const caught = results.filter((result) => result.seeds !== undefined).length;
  console.log(
    `${caught} passed, ${results.length - caught} failed · median ${medianSeeds(results)} seeds to catch`,
  );
  return caught < results.length ? 1 : 0;
}
