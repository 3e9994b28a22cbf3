import type { HardState, RaftStatus } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";

interface Seen {
  readonly term: number;
  readonly commitIndex: number;
  readonly applied: number;
}

/**
 * Term, commitIndex and applied never fall, in memory and on disk; applied ≤ commitIndex ≤ lastIndex; nothing committed is ever replaced
 * (Raft Fig. 2 and §5.3).
 */
export class Monotonic implements Checker {
  readonly #report: Report;
  readonly #committed: CommittedLog;
  readonly #seen = new Map<number, Seen>();

  constructor(report: Report, committed: CommittedLog) {
    this.#report = report;
    this.#committed = committed;
  }

  started(replica: Observed): void {
    const { hardState, appliedIndex } = replica.durable;
    const { term, commitIndex } = hardState;
    this.#seen.set(replica.node, { term, commitIndex, applied: appliedIndex });
  }

  turned(replica: Observed, { term, commitIndex, applied, lastIndex }: RaftStatus): void {
    const seen = this.#seen.get(replica.node);
    if (seen !== undefined) {
      this.#rises(replica, "term", seen.term, term);
      this.#rises(replica, "commitIndex", seen.commitIndex, commitIndex);
      this.#rises(replica, "applied", seen.applied, applied);
    }
    if (applied > commitIndex || commitIndex > lastIndex)
      this.#report(
        "order of indexes",
        `${describe(replica)}: not applied ${applied} ≤ commitIndex ${commitIndex} ≤ lastIndex ${lastIndex}`,
      );
    this.#seen.set(replica.node, { term, commitIndex, applied });
  }

  writing(replica: Observed, cycle: WriteCycle): void {
    const first = cycle.entries[0]?.index;
    if (first === undefined) return;
    const replaced = replica.view.stored.at(first);
    if (replaced !== undefined && this.#committed.agrees(replaced))
      this.#report(
        "committed never changes",
        `${describe(replica)} replaces its log from ${replaced.entry.term}/${first}, which is committed`,
      );
  }

  flushed(replica: Observed, before: HardState): void {
    const { hardState } = replica.durable;
    this.#rises(replica, "term on disk", before.term, hardState.term);
    this.#rises(replica, "commitIndex on disk", before.commitIndex, hardState.commitIndex);
    if (hardState.term === before.term && before.votedFor !== 0)
      if (hardState.votedFor !== before.votedFor)
        this.#report(
          "one vote a term",
          `${describe(replica)} changes its vote on disk from n${before.votedFor} to n${hardState.votedFor} in term ${before.term}`,
        );
  }

  #rises(replica: Observed, what: string, from: number, to: number): void {
    if (to < from)
      this.#report("monotonic", `${describe(replica)}: ${what} falls from ${from} to ${to}`);
  }
}
