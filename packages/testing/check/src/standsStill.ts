import type { Message } from "@annals/raft";
import type { WriteCycle } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * A replica whose disk says that its history and another one cannot both be right acknowledges nothing, gives no vote and asks for none,
 * over restarts too, and changes nothing of its copy. It goes on telling leaders what is committed here.
 */
export class StandsStill implements Checker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  sent(replica: Observed, message: Message): void {
    if (!replica.diverged) return;
    if (message.kind === "heartbeatResponse" && message.readToken === 0) return;
    this.#report(STANDS_STILL, `${describe(replica)} has diverged and sends ${message.kind}`);
  }

  writing(replica: Observed, { entries }: WriteCycle): void {
    if (replica.diverged && entries.length > 0)
      this.#report(STANDS_STILL, `${describe(replica)} has diverged and writes entries`);
  }
}

export const STANDS_STILL = "a diverged log stands still";
