import { equalBytes } from "@annals/record";
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

  /** `hash` is the chain hash of the entry in which the record of `seq` was found. */
  shown(replica: Observed, seq: number, hash: Uint8Array | undefined): void {
    const committed = this.#committed.entryOfSeq(seq);
    if (committed === undefined || hash === undefined || !equalBytes(committed.slot.hash, hash))
      this.#report("reads show the log", `${describe(replica)} shows another record at seq ${seq}`);
  }
}
