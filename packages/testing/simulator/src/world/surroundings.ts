import type { Report } from "@annals/check";
import type { Random } from "@annals/kit";
import type { Journal } from "./journal.ts";
import type { Plan } from "./plan.ts";
import type { Scheduler } from "./scheduler.ts";

/** Streams of chance: a draw from one does not shift the draws from another. */
export interface Chance {
  /** The stream of this number; the same seed gives the same stream. */
  random(stream: number): Random;
}

/** Simulated time. */
export interface Time {
  readonly scheduler: Scheduler;
}

/** The plan of a seed, time, chance, the trace, and the report of broken rules. */
export interface Surroundings extends Chance, Time {
  readonly plan: Plan;
  readonly journal: Journal;
  readonly report: Report;
}
