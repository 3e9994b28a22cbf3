import { Gauge } from "@annals/flow";
import type { GaugeFamily } from "@annals/flow";

/** The bytes of one page, from before it is read until the socket has taken it. */
export interface HeldPage {
  /** It has turned out to be no larger than this. */
  readonly shrinkTo: (bytes: number) => void;
  /** Idempotent. */
  readonly release: () => void;
}

/**
 * Bounds the bytes of pages for subscribers over all streams of a node. Whoever wants one takes what it may need at the most and waits, in
 * order, while there is no room. What waits is bounded by those who ask: each subscription wants one page at a time.
 */
export class PageBudget {
  readonly #held: Gauge;
  readonly #waiting: { readonly bytes: number; readonly resolve: () => void }[] = [];

  constructor(capBytes: number, family?: GaugeFamily) {
    this.#held = new Gauge(capBytes, family);
  }

  async take(bytes: number): Promise<HeldPage> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) this.#held.add(bytes);
    else await new Promise<void>((resolve) => void this.#waiting.push({ bytes, resolve }));
    let held = bytes;
    const shrinkTo = (rest: number): void => {
      if (rest >= held) return;
      this.#held.remove(held - rest);
      held = rest;
      this.#admit();
    };
    return { shrinkTo, release: () => shrinkTo(0) };
  }

  /** One of any size passes when nothing else is held: a cap below it must not block for ever. */
  #fits(bytes: number): boolean {
    return this.#held.current === 0 || this.#held.current + bytes <= this.#held.cap;
  }

  #admit(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || !this.#fits(first.bytes)) return;
      this.#waiting.shift();
      this.#held.add(first.bytes);
      first.resolve();
    }
  }
}
