import type { ChanceFault } from "./faultKinds.ts";
import type { Mutant } from "./mutant.ts";
import type { DisksPutBack } from "./plan.ts";

/** A part of the faults that a seed leads to. */
export interface Schedule {
  /** The only strikes to make, by name; undefined for all. */
  readonly strikesOnly: ReadonlySet<string> | undefined;
  /** Faults of frames and answers to leave out. */
  readonly without: ReadonlySet<ChanceFault>;
}

export interface WorldOptions extends Partial<Schedule> {
  /** Keeps the words of the trace. */
  readonly keepsLines?: boolean;
  readonly mutant?: Mutant | undefined;
  readonly putBack?: DisksPutBack | undefined;
  /** Ends the faults earlier than the plan has it, for short runs. */
  readonly faultyMsMax?: number | undefined;
}
