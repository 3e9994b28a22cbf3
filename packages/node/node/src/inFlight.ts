import type { ServerResponse } from "node:http";

/** Counts requests between their arrival and the end of their answer, so that a stopping node can wait for the last one. */
export class InFlight {
  #count = 0;
  #waiters: (() => void)[] = [];

  track(response: ServerResponse): void {
    this.#count++;
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    response.once("close", () => {
      this.#count--;
      if (this.#count > 0) return;
      for (const resolve of this.#waiters.splice(0)) resolve();
    });
  }

  /** Resolves when nothing is in flight, or after `timeoutMs`. */
  untilIdle(timeoutMs: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
