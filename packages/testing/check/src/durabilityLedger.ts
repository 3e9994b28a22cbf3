import type { MembershipState, Message } from "@annals/raft";
import type { DiskImage } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedEntry, CommittedLog } from "./committedLog.ts";
import type { Configurations } from "./configurations.ts";
import { isQuorum } from "./quorum.ts";

/**
 * What somebody was told is durable lies on the disks: at the moment of each acknowledgement to a client the entry is flushed on a quorum,
 * the leader's disk counted like any other of the configuration
 * in force (Raft §5.3; etcd #14370 is what a checker misses that only compares logs), and a follower has
 * flushed what it says it has (thesis §10.2.1).
 */
export class DurabilityLedger implements Checker {
  readonly #report: Report;
  readonly #replicas: readonly Observed[];
  readonly #committed: CommittedLog;
  readonly #configurations: Configurations;

  constructor(
    report: Report,
    replicas: readonly Observed[],
    committed: CommittedLog,
    configurations: Configurations,
  ) {
    this.#report = report;
    this.#replicas = replicas;
    this.#committed = committed;
    this.#configurations = configurations;
  }

  sent(replica: Observed, message: Message): void {
    if (message.kind !== "appendEntriesResponse" || message.rejected) return;
    const { stored, hardState } = replica.durable;
    // An ack of a term that is over may name entries that the next leader replaced in the same write. No quorum can come of it: one of its
    // members would have voted for that leader, which then had the entries (Raft §5.4.3).
    if (hardState.term > message.term) return;
    if (stored.count < message.index || hardState.term < message.term)
      this.#report(
        "said before flushed",
        `${describe(replica)} acknowledges ${message.term}/${message.index}, its disk ends at ${stored.count} in term ${hardState.term}`,
      );
  }

  /** A client was told that this entry is in the log for good. */
  acknowledged({ slot }: CommittedEntry): void {
    const { index } = slot.entry;
    const holders = new Set<number>();
    const has = ({ stored }: DiskImage): boolean => {
      const own = stored.at(index);
      return own !== undefined && this.#committed.agrees(own);
    };
    for (const { held, node } of this.#replicas) if (held.some(has)) holders.add(node);
    const quorum = this.#inForce(index).some((one) => isQuorum(one, (node) => holders.has(node)));
    if (!quorum)
      this.#report(
        "durability ledger",
        `entry ${slot.entry.term}/${index} is acknowledged when only the disks of ${[...holders].join(" ")} hold it`,
      );
  }

  /**
   * The configuration by which the entry was committed. A leader that was removed in the same turn is not seen doing so; it may have used
   * the one before the last change, since a leader commits by what it has applied, and one change at a time is under way.
   */
  #inForce(index: number): readonly MembershipState[] {
    const known = this.#configurations.committedBy(index);
    if (known !== undefined) return [known];
    const from = this.#configurations.inForce(index - 1).index;
    const { history } = this.#configurations;
    const first = history.findIndex((step) => step.index === from);
    return history.slice(Math.max(0, first - 1)).map(({ membership }) => membership);
  }
}
