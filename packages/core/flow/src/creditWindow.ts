/** What a receiver still accepts, in elements and bytes. */
export interface Credit {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * The sender's side of a credit window. The receiver grants, the sender takes before it sends. An item may be sent while anything is left
 * of both credits, even if it is larger than the rest: one oversized item costs one wait, never a wedge.
 */
export class CreditWindow {
  #entries = 0;
  #bytes = 0;

  grant(credit: Credit): void {
    this.#entries += credit.entries;
    this.#bytes += credit.bytes;
  }

  get open(): boolean {
    return this.#entries > 0 && this.#bytes > 0;
  }

  /** Takes credit for an item if the window is open; false means: wait for a grant. */
  tryTake(cost: Credit): boolean {
    if (!this.open) return false;
    this.#entries -= cost.entries;
    this.#bytes -= cost.bytes;
    return true;
  }

  read(): Credit {
    return { entries: this.#entries, bytes: this.#bytes };
  }
}
