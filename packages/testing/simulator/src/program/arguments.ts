import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { usageProblem } from "@annals/kit";
import { CHANCE_FAULTS } from "../world/faultKinds.ts";
import type { ChanceFault } from "../world/faultKinds.ts";
import { DISKS_PUT_BACK } from "../world/plan.ts";
import type { DisksPutBack } from "../world/plan.ts";
import type { Schedule } from "../world/schedule.ts";

export const USAGE: string = `usage: pnpm sim [--seeds N | --hours H | --gate] [--from SEED] [--jobs N]
       pnpm sim --seeds 1 --from SEED [--strikes LIST] [--without LIST]
       pnpm sim --check-determinism N | --mutants | --mutant NAME
       pnpm sim --put-back WHOSE [...]

Runs whole clusters of production replicas in one thread, on simulated time, network and disks. Every seed is a run of its own.

  --seeds N              how many seeds (default 100)
  --hours H              goes on for so long; ends with a table, mutants included
  --gate                 fixed seeds, then fresh ones, within a minute
  --from SEED            the first one (default 1; for --hours the time of day)
  --jobs N               threads to spread the seeds over (default: one a core)
  --put-back WHOSE       disks go back to what they were: a member's at a time, or a quorum's once
  --strikes LIST         only these strikes of faults, such as crash#3,partition#1, or none
  --without LIST         without these faults of frames and answers: ${CHANCE_FAULTS.join(", ")}
  --check-determinism N  runs N seeds twice and compares their traces
  --mutants              plants known bugs, one at a time, and wants each caught within N seeds
  --mutant NAME          plants only this one

examples:
  pnpm sim --from 1000 --seeds 700
  pnpm sim --hours 0.5
  pnpm sim --put-back quorum --seeds 50
  pnpm sim --mutant stale-read --seeds 20

exit code: 0 all passed, 1 a seed failed, 2 wrong usage, 130 interrupted`;

interface Runs {
  /** Whose disks are put back; undefined for nobody's. */
  readonly putBack: DisksPutBack | undefined;
}

interface Seeds extends Runs {
  readonly from: number;
  readonly jobs: number;
}

export type Command =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly problem: string }
  | ({ readonly kind: "seeds" | "determinism"; readonly seeds: number } & Seeds)
  | ({ readonly kind: "hours"; readonly hours: number } & Seeds)
  | ({ readonly kind: "gate"; readonly jobs: number } & Runs)
  | ({ readonly kind: "replay"; readonly seed: number; readonly schedule: Schedule } & Runs)
  | {
      readonly kind: "mutants";
      readonly from: number;
      readonly seeds: number;
      /** The only mutant to plant; undefined for all. */
      readonly only: string | undefined;
    };

const SEEDS_DEFAULT = 100;
const JOBS_MAX = 256;
const HOURS_MAX = 24 * 365;

class WrongUsage extends Error {}

export function parseArguments(argv: readonly string[]): Command {
  try {
    return parse(argv.filter((argument) => argument !== "--"));
  } catch (error) {
    const problem = error instanceof WrongUsage ? error.message : usageProblem(error);
    return { kind: "wrong", problem };
  }
}

function parse(argv: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: "string" },
      hours: { type: "string" },
      gate: { type: "boolean" },
      from: { type: "string" },
      jobs: { type: "string" },
      strikes: { type: "string" },
      without: { type: "string" },
      "put-back": { type: "string" },
      "check-determinism": { type: "string" },
      mutants: { type: "boolean" },
      mutant: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return { kind: "help" };
  const seeds = wholeNumber("--seeds", values.seeds, 1) ?? SEEDS_DEFAULT;
  const chosenFrom = wholeNumber("--from", values.from, 0);
  const from = chosenFrom ?? 1;
  const jobs = wholeNumber("--jobs", values.jobs, 1, JOBS_MAX) ?? availableParallelism();
  const putBack = modeOf(values["put-back"]);
  const twice = wholeNumber("--check-determinism", values["check-determinism"], 1);
  if (twice !== undefined) return { kind: "determinism", from, seeds: twice, jobs, putBack };
  if (values.mutants === true || values.mutant !== undefined)
    return { kind: "mutants", from, seeds, only: values.mutant };
  if (values.strikes !== undefined || values.without !== undefined) {
    if (values.seeds !== undefined && seeds !== 1)
      throw new WrongUsage("--strikes and --without belong to one seed: say --seeds 1");
    const strikesOnly = values.strikes === undefined ? undefined : listOf(values.strikes);
    const schedule = { strikesOnly, without: chances(values) };
    return { kind: "replay", seed: from, schedule, putBack };
  }
  if (values.gate === true) return { kind: "gate", jobs, putBack };
  const hours = hoursOf(values.hours);
  if (hours !== undefined)
    return { kind: "hours", from: chosenFrom ?? freshSeed(), hours, jobs, putBack };
  return { kind: "seeds", from, seeds, jobs, putBack };
}

/** A first seed that no earlier run is likely to have had. */
export function freshSeed(): number {
  return Date.now();
}

function modeOf(text: string | undefined): DisksPutBack | undefined {
  const whose = DISKS_PUT_BACK.find((one) => one === text);
  if (text !== undefined && whose === undefined)
    throw new WrongUsage(`--put-back knows ${DISKS_PUT_BACK.join(", ")}, not "${text}"`);
  return whose;
}

function listOf(text: string): ReadonlySet<string> {
  return new Set(text === "none" || text === "" ? [] : text.split(","));
}

function chances({ without }: { readonly without?: string }): ReadonlySet<ChanceFault> {
  const names = [...listOf(without ?? "")];
  const known: ChanceFault[] = [];
  for (const name of names) {
    const fault = CHANCE_FAULTS.find((one) => one === name);
    if (fault === undefined)
      throw new WrongUsage(`--without knows ${CHANCE_FAULTS.join(", ")}, not "${name}"`);
    known.push(fault);
  }
  return new Set(known);
}

function wholeNumber(
  option: string,
  text: string | undefined,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new WrongUsage(`${option} wants a whole number of at least ${least}, got "${text}"`);
  return value;
}

function hoursOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d*\.?\d+$/.test(text) || value <= 0 || value > HOURS_MAX)
    throw new WrongUsage(`--hours wants a number above 0, such as 0.5, got "${text}"`);
  return value;
}
