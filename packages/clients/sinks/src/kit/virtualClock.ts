import { setImmediate as turn } from "node:timers/promises";
import type { RunnerClock } from "../run/ports.ts";

/** Who sleeps longer is not waited for: such as the renewals of a lane whose lease never ends. */
const WAITED_FOR_MS = 600_000;

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Time that passes at once when everybody sleeps. */
export class VirtualClock implements RunnerClock {
  #nowMs = 0;
  #sleepers: Sleeper[] = [];
  #turning = false;

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = { dueMs: this.#nowMs + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener("abort", () => this.#wake(sleeper), { once: true });
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    if (this.#turning) return;
    this.#turning = true;
    for (;;) {
      await turn();
      const [next] = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > this.#nowMs + WAITED_FOR_MS) break;
      this.#nowMs = next.dueMs;
      this.#wake(next);
    }
    this.#turning = false;
  }

  #wake(sleeper: Sleeper): void {
    this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    sleeper.wake();
  }
}
