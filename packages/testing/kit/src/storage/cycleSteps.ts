/**
 * How far a write cycle has come when the process dies, in the order of the real one: the sidecar is marked before a truncation, pages are
 * flushed, then the meta page that puts them in force, then the sidecar vouches for a new term or vote; last comes the promise.
 */
export const CYCLE_STEPS = ["begun", "marked", "pages", "meta", "sidecar"] as const;

/** The last one is before the promise resolves. */
export type CycleStep = (typeof CYCLE_STEPS)[number];

/** Whether the cycle is in force after a crash behind this step, all of it; else nothing of it is. */
export function isInForce(step: CycleStep): boolean {
  return step === "meta" || step === "sidecar";
}
