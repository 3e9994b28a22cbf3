/**
 * One at a time, in the order in which they came. Bounded by its callers: each waits with a request that is counted. Nothing waits behind a
 * failure.
 */
export class Turns {
  #last: Promise<void> | undefined;

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#last === undefined;
  }

  /** Begins at once if nothing else is under way. Settles as `work` does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      if (before !== undefined) await before;
      return await work();
    } finally {
      if (this.#last === promise) this.#last = undefined;
      resolve();
    }
  }
}
