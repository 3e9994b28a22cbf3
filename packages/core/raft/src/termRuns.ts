import { invariant } from "./invariant.ts";
import type { LogIndex, Term } from "./types.ts";

/**
 * The terms of the tail of the log, in memory: terms change seldom, so a short list of (first index, term) answers for every index from
 * the first run to the end of the log, and matching a follower reads no disk. Bounded: the oldest run is forgotten.
 */
export class TermRuns {
  readonly #runsMax: number;
  #starts: LogIndex[] = [];
  #terms: Term[] = [];

  constructor(runsMax: number) {
    invariant(runsMax >= 1, `runsMax ${runsMax} < 1`);
    this.#runsMax = runsMax;
  }

  /** Forgets everything but that `index` has `term`. */
  reset(index: LogIndex, term: Term): void {
    this.#starts = [index];
    this.#terms = [term];
  }

  /** The entry at `index`, which follows the last one, has `term`. */
  append(index: LogIndex, term: Term): void {
    if (this.#terms.at(-1) === term) return;
    this.#starts.push(index);
    this.#terms.push(term);
    if (this.#starts.length > this.#runsMax) {
      this.#starts.shift();
      this.#terms.shift();
    }
  }

  /** Entries from `index` on are gone. */
  truncateFrom(index: LogIndex): void {
    while ((this.#starts.at(-1) ?? -1) >= index) {
      this.#starts.pop();
      this.#terms.pop();
    }
  }

  /** The term at `index`, which must not be beyond the end of the log; undefined before the first run. */
  term(index: LogIndex): Term | undefined {
    for (let i = this.#starts.length - 1; i >= 0; i -= 1) {
      if ((this.#starts[i] ?? 0) <= index) return this.#terms[i];
    }
    return undefined;
  }
}
