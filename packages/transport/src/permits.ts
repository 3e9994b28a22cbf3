/**
 * Lets at most so many pieces of work run at a time; the others wait for their turn, in order. What waits is bounded by those who ask: each
 * has one piece at most.
 */
export class Permits {
  readonly #cap: number;
  #running = 0;
  #waiting: (() => void)[] = [];

  /** Throws a RangeError for a cap below 1: nothing would ever run. */
  constructor(cap: number) {
    if (!(cap >= 1)) throw new RangeError(`a cap must be ≥ 1, got ${cap}`);
    this.#cap = cap;
  }

  get running(): number {
    return this.#running;
  }

  /** Runs `work` when it is its turn; settles as it does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#cap)
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      // A permit passes from hand to hand while somebody waits.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
