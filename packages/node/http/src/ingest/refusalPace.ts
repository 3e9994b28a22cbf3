/** Refusals that are answered in a row without a wait, and how far apart they leave then. */
const BURST = 100;
const INTERVAL_MS = 5;
/** No refusal waits longer for others; less than what any of them asks its client to wait. */
const WAIT_MS_MAX = 1_000;
/** So often in a row a connection may come back before its time; then it waits, each time twice as long. */
const EARLY_FREE = 3;
const EARLY_MS = 1_000;
const EARLY_MS_MAX = 4_000;

/** What a connection was told last. */
interface Told {
  /** When it may come back. */
  readonly dueMs: number;
  /** How often in a row it came before that. */
  readonly early: number;
}

/**
 * Spaces refusals when they come by the hundred: clients that ask again at once, against what they are told, would otherwise take the main
 * thread's time from heartbeats and from those who were admitted. Whoever goes on like that waits longer, and takes no place among the
 * others; whoever keeps to Retry-After once begins anew. A connection asks nothing else meanwhile, so no more wait than there are
 * connections.
 */
export class RefusalPace {
  #nextMs = Number.NEGATIVE_INFINITY;
  readonly #told = new WeakMap<object, Told>();

  /** Milliseconds that the refusal of now is to wait. It asks the client at the other end of `connection` to come back after `askedMs`. */
  waitMs(nowMs: number, connection: object, askedMs: number): number {
    const told = this.#told.get(connection);
    const early = told !== undefined && nowMs < told.dueMs ? told.early + 1 : 0;
    const waitMs = early > EARLY_FREE ? earlyMs(early) : this.#placeMs(nowMs);
    this.#told.set(connection, { dueMs: nowMs + waitMs + askedMs, early });
    return waitMs;
  }

  #placeMs(nowMs: number): number {
    const earliestMs = Math.max(this.#nextMs, nowMs - BURST * INTERVAL_MS);
    const waitMs = Math.min(WAIT_MS_MAX, Math.max(0, earliestMs - nowMs));
    this.#nextMs = Math.min(earliestMs, nowMs + WAIT_MS_MAX) + INTERVAL_MS;
    return waitMs;
  }
}

function earlyMs(early: number): number {
  return Math.min(EARLY_MS_MAX, EARLY_MS * 2 ** (early - EARLY_FREE - 1));
}
