/** Whether a sink is to write nothing. What waits for the log or for the next try is woken, so that a pause holds at once. */
export class Pause {
  #isAsked = false;
  #knock: PromiseWithResolvers<void> = Promise.withResolvers();
  #wake = new AbortController();

  get isAsked(): boolean {
    return this.#isAsked;
  }

  /** Idempotent. */
  ask(): void {
    this.#isAsked = true;
    this.wake();
  }

  /** Idempotent. */
  end(): void {
    this.#isAsked = false;
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    this.#knocks();
  }

  /** Whoever waits goes on at once. */
  wake(): void {
    this.#wake.abort();
    if (!this.isAsked) this.#wake = new AbortController();
    this.#knocks();
  }

  #knocks(): void {
    this.#knock.resolve();
    this.#knock = Promise.withResolvers();
  }

  /** Resolves at the next wake or end, or when the signal aborts. */
  async woken(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = this.#knock;
    const knock = (): void => resolve();
    signal.addEventListener("abort", knock);
    await promise;
    signal.removeEventListener("abort", knock);
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
