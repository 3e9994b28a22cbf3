import type { LogIndex, Term } from "@annals/raft";
import type { TermRun } from "./segment.ts";

/**
 * The term of `index`: that of the last run that begins at or before it; undefined below the first run. Runs ascend. There are as
 * many as there were elections, so `term()` needs no entry from disk.
 */
export function termAt(runs: readonly TermRun[], index: LogIndex): Term | undefined {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const run = runs[middle];
    if (run !== undefined && run.from <= index) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : runs[low - 1]?.term;
}
