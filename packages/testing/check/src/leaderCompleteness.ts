import type { WriteCycle } from "@annals/replica";
import type { DiskImage } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";
import type { ElectionSafety } from "./electionSafety.ts";

/**
 * What was committed in a term is in the log of every leader of a later term (Raft Fig. 3 "Leader Completeness"; raft.tla
 * `LeaderCompleteness`). Looked at when a leader writes the entry by which it begins its term: below it is the log it was elected with.
 */
export class LeaderCompleteness implements Checker {
  readonly #report: Report;
  readonly #committed: CommittedLog;
  readonly #elections: ElectionSafety;

  constructor(report: Report, committed: CommittedLog, elections: ElectionSafety) {
    this.#report = report;
    this.#committed = committed;
    this.#elections = elections;
  }

  writing(replica: Observed, cycle: WriteCycle, image: DiskImage): void {
    for (const { kind, term, index } of cycle.entries) {
      if (kind !== "noop" || this.#elections.leaderOf(term) !== replica.node) continue;
      const last = this.#committed.lastBefore(term)?.slot;
      if (last === undefined) continue;
      const own = image.stored.at(last.entry.index);
      if (last.entry.index < index && own !== undefined && this.#committed.agrees(own)) continue;
      this.#report(
        "leader completeness",
        `${describe(replica)} begins term ${term} at ${index} without ${last.entry.term}/${last.entry.index}, which is committed`,
      );
    }
  }
}
