/**
 * Spaces out things that must not happen all at once, across all callers: each slot lies at least one interval after the one before, on a
 * rolling timestamp. So two workers that die together do not hand over twice as fast.
 */
export class Stagger {
  readonly #intervalMs: number;
  #lastSlotMs = Number.NEGATIVE_INFINITY;

  constructor(intervalMs: number) {
    if (!(intervalMs >= 1))
      throw new RangeError(`a stagger interval must be ≥ 1 ms, got ${intervalMs}`);
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds to wait from `nowMs` until the slot that this call reserves. */
  reserve(nowMs: number): number {
    this.#lastSlotMs = Math.max(nowMs, this.#lastSlotMs + this.#intervalMs);
    return this.#lastSlotMs - nowMs;
  }

  /** Takes a slot if one is due at `nowMs`; false reserves nothing. */
  tryTake(nowMs: number): boolean {
    if (this.waitMs(nowMs) > 0) return false;
    this.#lastSlotMs = nowMs;
    return true;
  }

  /** Milliseconds from `nowMs` until a slot is due. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#lastSlotMs + this.#intervalMs - nowMs);
  }
}
