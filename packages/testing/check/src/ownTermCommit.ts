import type { HardState, RaftStatus, Role, Term } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

interface Leadership {
  readonly term: Term;
  commitIndex: number;
}

/**
 * A leader commits by counting only entries of its own term; earlier ones are committed along with them (Raft §5.4.2 and Fig. 8; raft.tla
 * `AdvanceCommitIndex`). What the disk is about to replace says nothing.
 */
export class OwnTermCommit implements Checker {
  readonly #report: Report;
  readonly #leads = new Map<number, Leadership>();
  /** By node: the first index that a write in the air replaces. */
  readonly #writingFrom = new Map<number, number>();

  constructor(report: Report) {
    this.#report = report;
  }

  started(replica: Observed): void {
    this.#leads.delete(replica.node);
    this.#writingFrom.delete(replica.node);
  }

  roleChanged(replica: Observed, role: Role): void {
    if (role !== "leader") this.#leads.delete(replica.node);
  }

  writing(replica: Observed, cycle: WriteCycle): void {
    const first = cycle.entries[0]?.index;
    if (first !== undefined) this.#writingFrom.set(replica.node, first);
  }

  flushed(replica: Observed, _before: HardState): void {
    this.#writingFrom.delete(replica.node);
  }

  turned(replica: Observed, { role, term, commitIndex }: RaftStatus): void {
    if (role !== "leader") return;
    const leadership = this.#leads.get(replica.node);
    if (leadership?.term !== term) {
      this.#leads.set(replica.node, { term, commitIndex });
      return;
    }
    if (commitIndex === leadership.commitIndex) return;
    leadership.commitIndex = commitIndex;
    if (commitIndex >= (this.#writingFrom.get(replica.node) ?? Infinity)) return;
    const entry = replica.view.stored.at(commitIndex)?.entry;
    if (entry !== undefined && entry.term !== term)
      this.#report(
        "own term's entries",
        `${describe(replica)} leads term ${term} and commits ${entry.term}/${commitIndex} by counting`,
      );
  }
}
