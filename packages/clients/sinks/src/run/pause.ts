/** Whether a sink is to write nothing. What waits for the log or for the next try is woken, so that a pause holds at once. */
export class Pause {
  #asked: PromiseWithResolvers<void> | undefined;
  #wake = new AbortController();

  get isAsked(): boolean {
    return this.#asked !== undefined;
  }

  /** Idempotent. */
  ask(): void {
    this.#asked ??= Promise.withResolvers();
    this.wake();
  }

  /** Idempotent. */
  end(): void {
    this.#asked?.resolve();
    this.#asked = undefined;
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
  }

  /** Whoever waits goes on at once. */
  wake(): void {
    this.#wake.abort();
    if (!this.isAsked) this.#wake = new AbortController();
  }

  /** Resolves when it is over, or the signal aborts. */
  async over(signal: AbortSignal): Promise<void> {
    const asked = this.#asked;
    if (asked === undefined || signal.aborted) return;
    const aborted = Promise.withResolvers<void>();
    const end = (): void => aborted.resolve();
    signal.addEventListener("abort", end);
    await Promise.race([asked.promise, aborted.promise]);
    signal.removeEventListener("abort", end);
  }

  /** Waits for what changes nothing, and gives up with undefined as soon as a pause is asked for. */
  async interrupting<T>(
    signal: AbortSignal,
    wait: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const wake = this.#wake.signal;
    if (wake.aborted) return undefined;
    try {
      return await wait(AbortSignal.any([signal, wake]));
    } catch (error) {
      if (wake.aborted && !signal.aborted) return undefined;
      throw error;
    }
  }
}
