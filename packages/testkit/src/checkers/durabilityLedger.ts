import type { Message } from "@annals/raft";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedEntry, CommittedLog } from "./committedLog.ts";

/**
 * What somebody was told is durable lies on the disks: at the moment of each acknowledgement to a client the entry is flushed on a quorum,
 * the leader's disk counted like any other (Raft §5.3; etcd #14370 is what a checker misses that only compares logs), and a follower has
 * flushed what it says it has (thesis §10.2.1).
 */
export class DurabilityLedger implements Checker {
  readonly #report: Report;
  readonly #replicas: readonly Observed[];
  readonly #committed: CommittedLog;

  constructor(report: Report, replicas: readonly Observed[], committed: CommittedLog) {
    this.#report = report;
    this.#replicas = replicas;
    this.#committed = committed;
  }

  sent(replica: Observed, message: Message): void {
    if (message.kind !== "appendEntriesResponse" || message.rejected) return;
    const { stored, hardState } = replica.durable;
    if (stored.count < message.index || hardState.term < message.term)
      this.#report(
        "said before flushed",
        `${describe(replica)} says that it has ${message.index} in term ${message.term}, on its disk is ${stored.count} in term ${hardState.term}`,
      );
  }

  /** A client was told that this entry is in the log for good. */
  acknowledged({ slot }: CommittedEntry): void {
    const { index } = slot.entry;
    let holders = 0;
    for (const { durable } of this.#replicas) {
      const own = durable.stored.at(index);
      if (own !== undefined && this.#committed.agrees(own)) holders++;
    }
    if (holders * 2 <= this.#replicas.length)
      this.#report(
        "durability ledger",
        `entry ${slot.entry.term}/${index} is acknowledged when ${holders} of ${this.#replicas.length} disks hold it`,
      );
  }
}
