import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

const WINDOW_US = 1_000_000;
/** Some times what a second needs when every record is an entry and nothing takes time. */
const MESSAGES_MAX = 200_000;

/** Nobody sends without end: two replicas that answer each other as fast as the network is would take all of a real machine. */
export class NoStorm implements Checker {
  readonly #report: Report;
  readonly #nowUs: () => number;
  readonly #sent = new Map<number, number>();
  #windowUs = 0;

  constructor(report: Report, nowUs: () => number) {
    this.#report = report;
    this.#nowUs = nowUs;
  }

  sent(replica: Observed): void {
    const windowUs = Math.floor(this.#nowUs() / WINDOW_US);
    if (windowUs !== this.#windowUs) this.#sent.clear();
    this.#windowUs = windowUs;
    const sent = (this.#sent.get(replica.node) ?? 0) + 1;
    this.#sent.set(replica.node, sent);
    if (sent === MESSAGES_MAX)
      this.#report("no storm", `${describe(replica)} sent ${sent} messages within a second`);
  }
}
