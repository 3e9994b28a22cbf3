import type { Receipt } from "@annals/replica";
import { describe } from "./checker.ts";
import type { Checker, Observed, Report } from "./checker.ts";

/**
 * Each received frame is said to be stepped once and to be durable once, in this order, on every way out: the accounting of the receive
 * path hangs on it, and a receipt that is lost is a pause that never ends.
 */
export class Receipts implements Checker {
  readonly #report: Report;
  /** By node: receipts of its present life that are not done with. */
  readonly #open = new Map<number, Set<Receipt>>();

  constructor(report: Report) {
    this.#report = report;
  }

  /** The frames that died with the process need no receipt. */
  started(replica: Observed): void {
    this.#open.set(replica.node, new Set());
  }

  issue(replica: Observed): Receipt {
    const open = this.#open.get(replica.node) ?? new Set();
    this.#open.set(replica.node, open);
    let stepped = 0;
    let durable = 0;
    const receipt: Receipt = {
      stepped: () => {
        if (++stepped > 1)
          this.#report("receipts", `${describe(replica)}: a frame is stepped twice`);
      },
      durable: () => {
        if (++durable > 1)
          this.#report("receipts", `${describe(replica)}: a frame is durable twice`);
        if (stepped === 0)
          this.#report("receipts", `${describe(replica)}: a frame is durable before it is stepped`);
        open.delete(receipt);
      },
    };
    open.add(receipt);
    return receipt;
  }

  openOf(replica: Observed): number {
    return this.#open.get(replica.node)?.size ?? 0;
  }
}
