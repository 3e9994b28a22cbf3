import { CHANCE_FAULTS } from "../world/faultKinds.ts";
import type { ChanceFault } from "../world/faultKinds.ts";
import type { Outcome } from "../simulation.ts";
import type { Schedule } from "../world/schedule.ts";

/** A smaller set of faults that breaks the same rule. */
export interface Shrunk extends Schedule {
  readonly strikesOnly: ReadonlySet<string>;
  /** What the run with these faults came to. */
  readonly outcome: Outcome;
  readonly runs: number;
}

/** Runs the seed again with a part of its faults. */
type Rerun = (schedule: Schedule) => Promise<Outcome>;

/** Enough to halve some hundred strikes down to a few; a run is a second or so. */
const RUNS_MAX = 150;

/**
 * Takes faults out of a failed run as long as the same rule still breaks: first whole kinds of faults of frames, then strikes, in ever
 * smaller groups (delta debugging: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002).
 */
export async function shrink(failed: Outcome, rerun: Rerun): Promise<Shrunk> {
  const shrinker = new Shrinker(failed, rerun);
  await shrinker.dropChances();
  await shrinker.dropStrikes();
  return shrinker.result();
}

class Shrinker {
  readonly #rerun: Rerun;
  readonly #rule: string | undefined;
  #outcome: Outcome;
  #strikes: readonly string[];
  #without: ReadonlySet<ChanceFault> = new Set();
  #runs = 0;

  constructor(failed: Outcome, rerun: Rerun) {
    this.#rerun = rerun;
    this.#rule = failed.violation?.rule;
    this.#outcome = failed;
    this.#strikes = failed.strikes;
  }

  result(): Shrunk {
    return {
      strikesOnly: new Set(this.#strikes),
      without: this.#without,
      outcome: this.#outcome,
      runs: this.#runs,
    };
  }

  async dropChances(): Promise<void> {
    for (const fault of CHANCE_FAULTS) {
      if (this.#outcome.plan.chances.has(fault))
        await this.#try(this.#strikes, new Set([...this.#without, fault]));
    }
  }

  async dropStrikes(): Promise<void> {
    let groups = 1;
    while (this.#strikes.length > 0) {
      const smaller = await this.#dropOneOf(groups);
      if (smaller) groups = Math.max(1, groups - 1);
      else if (groups < this.#strikes.length) groups = Math.min(this.#strikes.length, 2 * groups);
      else return;
      if (this.#runs >= RUNS_MAX) return;
    }
  }

  /** Leaves out one of so many groups of strikes; whether that still broke the rule. */
  async #dropOneOf(groups: number): Promise<boolean> {
    const strikes = this.#strikes;
    const size = Math.ceil(strikes.length / groups);
    for (let at = 0; at < strikes.length && this.#runs < RUNS_MAX; at += size) {
      const kept = [...strikes.slice(0, at), ...strikes.slice(at + size)];
      if (await this.#try(kept, this.#without)) return true;
    }
    return false;
  }

  async #try(strikes: readonly string[], without: ReadonlySet<ChanceFault>): Promise<boolean> {
    this.#runs++;
    const outcome = await this.#rerun({ strikesOnly: new Set(strikes), without });
    if (outcome.violation?.rule !== this.#rule) return false;
    this.#outcome = outcome;
    // Those that come after the rule has broken are not needed either.
    this.#strikes = outcome.strikes;
    this.#without = without;
    return true;
  }
}
