import type { Message } from "@annals/raft";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * After the first storage error nothing leaves the replica any more: no vote, no ack, no heartbeat ("Can applications recover from fsync
 * failures?", ATC 2020: what was not flushed may be gone although it can still be read).
 */
export class FailStop implements Checker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  sent(replica: Observed, message: Message): void {
    if (replica.storageFailed)
      this.#report("fail-stop", `${describe(replica)} sends ${message.kind} after a storage error`);
  }
}
