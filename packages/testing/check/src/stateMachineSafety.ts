import type { RaftStatus } from "@annals/raft";
import type { StoredSlot } from "@annals/kit";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";

/**
 * Nobody ever applies another entry at an index that somebody has applied (Raft Fig. 3 "State Machine Safety"; raft.tla
 * `StateMachineSafety`): what is committed never changes. It is also what fills the one true log.
 */
export class StateMachineSafety implements Checker {
  readonly #report: Report;
  readonly #committed: CommittedLog;
  readonly #onCommitted: (slot: StoredSlot) => void;
  readonly #applied = new Map<number, number>();

  constructor(report: Report, committed: CommittedLog, onCommitted: (slot: StoredSlot) => void) {
    this.#report = report;
    this.#committed = committed;
    this.#onCommitted = onCommitted;
  }

  started(replica: Observed): void {
    this.#applied.delete(replica.node);
  }

  turned(replica: Observed, { applied, term }: RaftStatus): void {
    if (applied === this.#applied.get(replica.node)) return;
    this.#applied.set(replica.node, applied);
    if (applied === 0) return;
    for (let index = this.#committed.count + 1; index <= applied; index++) {
      const slot = replica.view.stored.at(index);
      if (slot === undefined) {
        this.#report(
          "state machine safety",
          `${describe(replica)} applied ${index} without having it`,
        );
        return;
      }
      this.#committed.add(slot, term);
      this.#onCommitted(slot);
    }
    const slot = replica.view.stored.at(applied);
    if (slot === undefined || !this.#committed.agrees(slot))
      this.#report(
        "state machine safety",
        `${describe(replica)} applied ${slot?.entry.term}/${applied}, committed is term ${this.#committed.at(applied)?.slot.entry.term}`,
      );
  }
}
