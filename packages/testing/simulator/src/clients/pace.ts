import type { Random } from "@annals/kit";
import type { Log } from "../world/log.ts";

/** When a client does something next: again and again, after a random time to think, until it is stopped. */
export class Pace {
  readonly #log: Log;
  readonly #random: Random;
  readonly #meanUs: number;
  readonly #step: () => void;
  #stopped = false;

  /** Whoever owns it calls `next` once to begin, and then from each step. */
  constructor(log: Log, random: Random, factor: number, step: () => void) {
    this.#log = log;
    this.#random = random;
    this.#meanUs = factor * log.world.plan.clients.thinkUs;
    this.#step = step;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** No step begins any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** The next step comes after a time to think. */
  next(): void {
    this.#log.world.scheduler.after(1 + this.#random.exponential(this.#meanUs), () => {
      if (!this.#stopped) this.#step();
    });
  }
}
