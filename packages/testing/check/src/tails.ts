import { equalBytes } from "@annals/record";
import type { StoredEntry } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Observed, Report } from "./checker.ts";
import type { CommittedLog } from "./committedLog.ts";

/** How far one consumer is. */
export interface TailPosition {
  nextSeq: number;
}

/**
 * What a consumer is shown is ordered, unique, without gaps and committed, over stalls, restarts and moves from node to node (etcd's watch
 * guarantees "ordered", "unique", "reliable", "resumable").
 */
export class Tails {
  readonly #report: Report;
  readonly #committed: CommittedLog;

  constructor(report: Report, committed: CommittedLog) {
    this.#report = report;
    this.#committed = committed;
  }

  /** A consumer is given the records `firstSeq` to `lastSeq`, out of this entry. */
  shown(
    replica: Observed,
    tail: TailPosition,
    range: { readonly firstSeq: number; readonly lastSeq: number },
    { entry, hash }: StoredEntry,
  ): void {
    const { firstSeq, lastSeq } = range;
    if (firstSeq !== tail.nextSeq)
      this.#report(
        "tails have no gaps",
        `${describe(replica)} shows seq ${firstSeq} to a consumer that waits for ${tail.nextSeq}`,
      );
    const slot = this.#committed.entryOfSeq(lastSeq)?.slot;
    if (
      slot === undefined ||
      !equalBytes(slot.hash, hash) ||
      !equalBytes(slot.entry.data, entry.data)
    )
      this.#report(
        "tails show what is committed",
        `${describe(replica)} shows seq ${firstSeq} to ${lastSeq}, committed is up to ${this.#committed.lastSeq}`,
      );
    tail.nextSeq = lastSeq + 1;
  }
}
