/** Wakes whoever waits for something to change; each looks for itself whether it did. */
export class ChangeSignal {
  readonly #waiters = new Set<() => void>();

  /** Resolves at the next change, or when the time is over. */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(1, timeoutMs));
      this.#waiters.add(done);
    });
  }

  changed(): void {
    for (const wake of this.#waiters) wake();
  }
}
