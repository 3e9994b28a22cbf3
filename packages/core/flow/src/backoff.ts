export interface BackoffOptions {
  /** First delay in ms, ≥ 1. */
  readonly initialMs: number;
  /** Delays never exceed this, in ms. */
  readonly maxMs: number;
  /** Uniform in [0, n). */
  readonly randomBelow: (n: number) => number;
}

/** Exponential backoff with full jitter. Only `progress` resets it: a connection that opens and dies at once keeps backing off. */
export class Backoff {
  readonly #options: BackoffOptions;
  #ceilingMs: number;

  constructor(options: BackoffOptions) {
    if (!(options.initialMs >= 1) || options.maxMs < options.initialMs) {
      throw new RangeError(`backoff from ${options.initialMs} to ${options.maxMs} ms`);
    }
    this.#options = options;
    this.#ceilingMs = options.initialMs;
  }

  /** The wait before the next attempt, in ms: uniform in [1, ceiling]; the ceiling doubles. */
  nextMs(): number {
    const delay = 1 + this.#options.randomBelow(this.#ceilingMs);
    this.#ceilingMs = Math.min(this.#ceilingMs * 2, this.#options.maxMs);
    return delay;
  }

  progress(): void {
    this.#ceilingMs = this.#options.initialMs;
  }
}
