import { equalBytes } from "@annals/record";
import type { StoredEntry } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";

/**
 * A linearizable read covers all that was committed anywhere when it began (thesis §6.4; MongoDB `ReadIsLinearizable`); every read, a local
 * one too, shows a prefix of the committed log.
 */
export class FreshReads {
  readonly #report: Report;
  readonly #committed: CommittedLog;

  constructor(report: Report, committed: CommittedLog) {
    this.#report = report;
    this.#committed = committed;
  }

  /** A read begins: the seq that it must cover. */
  begin(): number {
    return this.#committed.lastSeq;
  }

  linearizable(replica: Observed, floor: number, appliedSeq: number): void {
    if (appliedSeq < floor)
      this.#report(
        "reads not stale",
        `a read at ${describe(replica)} covers seq ${appliedSeq}, ${floor} was committed when it began`,
      );
  }

  /** The record of `seq` was found in this entry. */
  shown(replica: Observed, seq: number, { entry, hash }: StoredEntry): void {
    const slot = this.#committed.entryOfSeq(seq)?.slot;
    const same =
      slot !== undefined && equalBytes(slot.hash, hash) && equalBytes(slot.entry.data, entry.data);
    if (!same)
      this.#report("reads show the log", `${describe(replica)} shows another record at seq ${seq}`);
  }
}
