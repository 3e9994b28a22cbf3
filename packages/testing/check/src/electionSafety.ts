import type { MemberId, Role, Term } from "@annals/raft";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/** At most one leader in a term (Raft Fig. 3 "Election Safety"; raft.tla `ElectionSafety`), whose own vote is on its disk. */
export class ElectionSafety implements Checker {
  readonly #report: Report;
  readonly #leaders = new Map<Term, number>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** Leaderships so far. */
  get leaderships(): number {
    return this.#leaders.size;
  }

  leaderOf(term: Term): number | undefined {
    return this.#leaders.get(term);
  }

  roleChanged(replica: Observed, role: Role, term: Term): void {
    if (role !== "leader") return;
    const other = this.#leaders.get(term);
    if (other !== undefined && other !== replica.node)
      this.#report("election safety", `n${other} and ${describe(replica)} both lead term ${term}`);
    this.#leaders.set(term, replica.node);
    const { hardState } = replica.durable;
    if (hardState.term !== term || hardState.votedFor !== (replica.node as MemberId))
      this.#report(
        "one vote a term",
        `${describe(replica)} leads term ${term}, on its disk is a vote for ${hardState.votedFor} in term ${hardState.term}`,
      );
  }
}
