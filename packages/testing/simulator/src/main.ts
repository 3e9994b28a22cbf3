import { wrongUsage } from "@annals/kit";
import { freshSeed, parseArguments, USAGE } from "./program/arguments.ts";
import { checkDeterminism } from "./program/determinism.ts";
import { explainFailure, tellTail } from "./program/failureReport.ts";
import { runMutants } from "./program/mutation.ts";
import { runSeeds } from "./program/seedPool.ts";
import type { SeedPoolOptions } from "./program/seedPool.ts";
import { simulate } from "./simulation.ts";
import type { Outcome } from "./simulation.ts";
import { Totals } from "./program/totals.ts";
import type { WorldOptions } from "./world/schedule.ts";

/** What every change has to pass: always the same seeds, then fresh ones for as long as there is time. */
const GATE = { from: 1, seeds: 180, ms: 60_000 };
const MUTANT_SEEDS = 100;
/** Failures that are explained: of a bug that breaks every seed a few are enough. */
const EXPLAINED_MAX = 3;
const PROGRESS_EVERY_MS = 10_000;
/** Seeds take a second or so. */
const SLOW_MS = 60_000;
const INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const command = parseArguments(argv);
  switch (command.kind) {
    case "help":
      console.log(USAGE);
      return 0;
    case "wrong":
      return wrongUsage("pnpm sim", command.problem);
    case "seeds":
      return run(command, counting(command.from, command.seeds));
    case "gate": {
      const fresh = freshSeed();
      console.log(`seeds ${GATE.from} to ${GATE.from + GATE.seeds - 1}, then from ${fresh} on`);
      return run(command, gateSeeds(fresh), GATE.ms);
    }
    case "hours": {
      const { from, hours, jobs } = command;
      console.log(`seeds from ${from} on, for ${hours} h on ${jobs} threads`);
      const code = await run(command, counting(from, Infinity), hours * 3_600_000);
      return code === 0 ? runMutants(1, MUTANT_SEEDS) : code;
    }
    case "replay":
      return replay(command.seed, { ...command.schedule, putBack: command.putBack });
    case "determinism":
      return checkDeterminism(command, counting(command.from, command.seeds));
    case "mutants":
      return runMutants(command.from, command.seeds, command.only);
    default:
      return command satisfies never;
  }
}

function* counting(from: number, count: number): Generator<number, undefined> {
  for (let seed = from; seed < from + count; seed++) yield seed;
}

function* gateSeeds(fresh: number): Generator<number, undefined> {
  yield* counting(GATE.from, GATE.seeds);
  yield* counting(fresh, Infinity);
}

/** Runs seeds until there are no more, the time is over or somebody presses Ctrl-C; what has run is reported in any case. */
async function run(
  { jobs, putBack }: Pick<SeedPoolOptions, "jobs" | "putBack">,
  seeds: Iterator<number>,
  forMs = Infinity,
): Promise<number> {
  const totals = new Totals();
  const failed: Outcome[] = [];
  const begunMs = performance.now();
  const elapsedMs = (): number => performance.now() - begunMs;
  let interrupted = false;
  process.once("SIGINT", () => {
    interrupted = true;
  });
  const begun = new Map<number, number>();
  const progress = setInterval(() => {
    console.error(totals.progress(elapsedMs(), forMs));
    for (const [seed, sinceMs] of begun)
      if (elapsedMs() - sinceMs > SLOW_MS) console.error(`seed ${seed} is still running`);
  }, PROGRESS_EVERY_MS);
  try {
    await runSeeds({
      jobs,
      putBack,
      nextSeed: () => (interrupted || elapsedMs() >= forMs ? undefined : seeds.next().value),
      onStart: (seed) => begun.set(seed, elapsedMs()),
      onOutcome: (outcome) => {
        begun.delete(outcome.seed);
        totals.add(outcome);
        if (outcome.violation === undefined) return;
        failed.push(outcome);
        console.error(`seed ${outcome.seed} breaks "${outcome.violation.rule}": to be explained`);
      },
    });
  } finally {
    clearInterval(progress);
  }
  const wallMs = elapsedMs();
  for (const outcome of failed.slice(0, EXPLAINED_MAX)) console.log(await explainFailure(outcome));
  for (const { seed, violation } of failed.slice(EXPLAINED_MAX))
    console.log(`FAILED seed ${seed} breaks "${violation?.rule}": ${violation?.text}`);
  console.log(totals.render(wallMs));
  for (const state of totals.missing)
    console.log(
      `FAILED the state ${state} never occurred: rules about it were not put to the test`,
    );
  if (interrupted) return INTERRUPTED;
  return failed.length > 0 || totals.missing.length > 0 ? 1 : 0;
}

/** One seed with a part of its faults, told in words if a rule breaks. */
async function replay(seed: number, options: WorldOptions): Promise<number> {
  const begunMs = performance.now();
  const outcome = await simulate(seed, { keepsLines: true, ...options });
  if (outcome.violation !== undefined) console.log(tellTail(outcome));
  const totals = new Totals();
  totals.add(outcome);
  console.log(totals.render(performance.now() - begunMs));
  return totals.failed;
}
