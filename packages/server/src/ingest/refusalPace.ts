/** Refusals that are answered in a row without a wait, and how far apart they leave then. */
const BURST = 100;
const INTERVAL_MS = 5;
/** No refusal waits longer; less than what any of them asks its client to wait. */
const WAIT_MS_MAX = 1_000;

/**
 * Spaces refusals when they come by the hundred: clients that ask again at once, against what they are told, would otherwise take the main
 * thread's time from heartbeats and from those who were admitted. A connection asks nothing else meanwhile, so no more wait than there are
 * connections.
 */
export class RefusalPace {
  #nextMs = Number.NEGATIVE_INFINITY;

  /** Milliseconds that the refusal of now is to wait. */
  waitMs(nowMs: number): number {
    const earliestMs = Math.max(this.#nextMs, nowMs - BURST * INTERVAL_MS);
    const waitMs = Math.min(WAIT_MS_MAX, Math.max(0, earliestMs - nowMs));
    this.#nextMs = Math.min(earliestMs, nowMs + WAIT_MS_MAX) + INTERVAL_MS;
    return waitMs;
  }
}
