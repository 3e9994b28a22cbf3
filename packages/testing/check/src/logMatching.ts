import type { WriteCycle } from "@annals/replica";
import { equalBytes } from "@annals/record";
import type { DiskImage } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/** Terms and indexes of a simulation stay far below this. */
const INDEXES_PER_TERM = 2 ** 26;

/**
 * Equal (index, term) in two logs means equal logs up to there (Raft Fig. 3 "Log Matching"; raft.tla `LogMatching`). One comparison an
 * entry is enough: the hash of an entry covers all below it. Forgets nothing, so it compares with what was truncated, too.
 */
export class LogMatching implements Checker {
  readonly #report: Report;
  readonly #hashes = new Map<number, Uint8Array>();

  constructor(report: Report) {
    this.#report = report;
  }

  writing(replica: Observed, cycle: WriteCycle, image: DiskImage): void {
    for (const { index, term } of cycle.entries) {
      const hash = image.stored.at(index)?.hash;
      if (hash === undefined) continue;
      const id = term * INDEXES_PER_TERM + index;
      const known = this.#hashes.get(id);
      if (known === undefined) this.#hashes.set(id, hash);
      else if (!equalBytes(known, hash))
        this.#report(
          "log matching",
          `${describe(replica)} writes another log up to ${term}/${index} than somebody did before`,
        );
    }
  }
}
