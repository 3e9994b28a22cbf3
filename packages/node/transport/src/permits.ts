import { Gauge } from "@annals/flow";
import type { GaugeFamily } from "@annals/flow";

/**
 * Lets at most so many pieces of work run at a time; the others wait for their turn, in order. What waits is bounded by those who ask: each
 * has one piece at most.
 */
export class Permits {
  readonly #running: Gauge;
  #waiting: (() => void)[] = [];

  /** Throws a RangeError for a cap below 1: nothing would ever run. */
  constructor(cap: number, family?: GaugeFamily) {
    this.#running = new Gauge(cap, family);
  }

  get running(): number {
    return this.#running.current;
  }

  /** Runs `work` when it is its turn; settles as it does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running.current >= this.#running.cap)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    else this.#running.add(1);
    try {
      return await work();
    } finally {
      // A permit passes from hand to hand while somebody waits.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running.remove(1);
      else next();
    }
  }
}
