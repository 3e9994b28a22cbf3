import { Backoff } from "@annals/flow";

const FAST_RETRIES = 3;
const FAST_INITIAL_MS = 20;
const FAST_MAX_MS = 2_000;
const SLOW_INITIAL_MS = 1_000;
const SLOW_MAX_MS = 60_000;
/** Failures of which nobody knows what they mean are tried again so often, then the sink stops. */
const UNKNOWN_MAX = 5;

export interface Wait {
  readonly ms: number;
  /** Whether the fast retries are over. */
  readonly backingOff: boolean;
}

/** How long to wait after a failure: three fast retries with full jitter, then longer and longer up to a minute, for ever. */
export class Retries {
  readonly #fast: Backoff;
  readonly #slow: Backoff;
  #failures = 0;
  #unknown = 0;

  constructor(randomBelow: (n: number) => number) {
    this.#fast = new Backoff({ initialMs: FAST_INITIAL_MS, maxMs: FAST_MAX_MS, randomBelow });
    this.#slow = new Backoff({ initialMs: SLOW_INITIAL_MS, maxMs: SLOW_MAX_MS, randomBelow });
  }

  /** Failures since the last progress. */
  get failures(): number {
    return this.#failures;
  }

  /** Not before `atLeastMs`, if somebody has asked for that; but nobody can ask for more than the longest wait. */
  failed(atLeastMs: number = 0): Wait {
    this.#failures++;
    const backingOff = this.#failures > FAST_RETRIES;
    const ms = (backingOff ? this.#slow : this.#fast).nextMs();
    return { ms: Math.max(ms, Math.min(atLeastMs, SLOW_MAX_MS)), backingOff };
  }

  /** Undefined: it was tried often enough. */
  failedForUnknownReason(): Wait | undefined {
    this.#unknown++;
    return this.#unknown >= UNKNOWN_MAX ? undefined : this.failed();
  }

  progress(): void {
    this.#failures = 0;
    this.#unknown = 0;
    this.#fast.progress();
    this.#slow.progress();
  }
}
