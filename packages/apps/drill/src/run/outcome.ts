import type { ScenarioSize } from "../language/scenario.ts";
import type { NodeMemory } from "./rssSampler.ts";
import type { PeakSeen } from "./statusWatch.ts";

/** How one expectation, or one fault, came out. */
export interface Verdict {
  /** What was expected, as it was written. */
  readonly text: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** What was seen; why, if it was skipped. */
  readonly seen: string;
}

export interface StepTiming {
  readonly text: string;
  readonly elapsedMs: number;
  /** Records that were acknowledged, or caught up, meanwhile. */
  readonly records: number;
}

export interface NodeOutcome {
  readonly id: string;
  /** Worst case in bytes that the node printed. */
  readonly budget: number;
  /** Undefined where the system does not say. */
  readonly memory: NodeMemory | undefined;
  readonly peaks: ReadonlyMap<string, PeakSeen>;
  readonly pauses: ReadonlyMap<string, number>;
  readonly workerDeaths: number;
}

/** What one drill showed. */
export interface DrillOutcome {
  readonly name: string;
  readonly file: string;
  readonly size: ScenarioSize;
  readonly result: "passed" | "failed" | "skipped";
  /** Why the whole of it was skipped or went no further. */
  readonly why: string | undefined;
  readonly elapsedMs: number;
  readonly verdicts: readonly Verdict[];
  readonly steps: readonly StepTiming[];
  readonly nodes: readonly NodeOutcome[];
  readonly records: number;
  readonly elections: number;
  /** The last lines that each node logged; of failed drills. */
  readonly logTails: ReadonlyMap<string, string>;
  readonly directory: string;
}

/** A step that could not be carried out: the drill ends there. */
export class StepFailure extends Error {}
