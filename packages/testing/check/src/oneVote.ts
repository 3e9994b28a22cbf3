import type { MemberId, Message, Term } from "@annals/raft";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * A member votes for one candidate a term, across crashes too (Raft §5.2), because a vote is on disk before it leaves (Fig. 2: "updated on
 * stable storage before responding to RPCs").
 */
export class OneVote implements Checker {
  readonly #report: Report;
  readonly #votes = new Map<number, Map<Term, MemberId>>();

  constructor(report: Report) {
    this.#report = report;
  }

  sent(replica: Observed, message: Message): void {
    if (message.kind !== "requestVoteResponse" || message.rejected) return;
    const { term, to } = message;
    const { hardState } = replica.durable;
    if (hardState.term < term || (hardState.term === term && hardState.votedFor !== to))
      this.#report(
        "vote before flush",
        `${describe(replica)} votes for n${to} in term ${term}, on its disk is a vote for ${hardState.votedFor} in term ${hardState.term}`,
      );
    const votes = this.#votes.get(replica.node) ?? new Map<Term, MemberId>();
    this.#votes.set(replica.node, votes);
    const earlier = votes.get(term);
    if (earlier !== undefined && earlier !== to)
      this.#report(
        "one vote a term",
        `${describe(replica)} votes for n${earlier} and n${to} in term ${term}`,
      );
    votes.set(term, to);
  }
}
