/** A chunk's transaction should not take longer. */
const BUDGET_MS = 5_000;
const STEPS = 10;
/** For so long after "too large" no chunk is tried that has as many items again: what was too large a moment ago still is. */
const CEILING_MS = 10 * 60_000;

/**
 * How many items a chunk may have, from 1 to `max`: a tenth more after a quick one, half after a slow one (AIMD), half when the
 * database says that it was too large. What was too large is remembered for a while and not grown into again and again.
 */
export class ChunkSize {
  readonly #max: number;
  readonly #now: () => number;
  #items: number;
  #tooLarge: { readonly items: number; readonly untilMs: number } | undefined;

  /** `now`: milliseconds that never go back. */
  constructor(max: number, now: () => number) {
    if (!(max >= 1)) throw new RangeError(`chunkSize must be ≥ 1, got ${max}`);
    this.#max = max;
    this.#now = now;
    this.#items = max;
  }

  get items(): number {
    return this.#items;
  }

  /** The most that a chunk may grow to now. */
  get ceiling(): number {
    if (this.#tooLarge !== undefined && this.#now() >= this.#tooLarge.untilMs)
      this.#tooLarge = undefined;
    return this.#tooLarge === undefined ? this.#max : Math.max(1, this.#tooLarge.items - 1);
  }

  took(items: number, ms: number): void {
    if (ms > BUDGET_MS) this.#halve();
    // A chunk that was not full says nothing about a larger one.
    else if (items >= this.#items && ms * 2 <= BUDGET_MS) {
      const { ceiling } = this;
      const step = Math.ceil(this.#max / STEPS);
      // Near what was too large the steps are halves of what is left, so that it is not missed by a whole one.
      const left = Math.ceil((ceiling - this.#items) / 2);
      const more = ceiling < this.#max ? Math.min(step, left) : step;
      this.#items = Math.max(1, Math.min(ceiling, this.#items + Math.max(0, more)));
    }
  }

  /** The database had no memory for so many at once. */
  wasTooLarge(items: number): void {
    const least = Math.min(items, this.#tooLarge?.items ?? items);
    this.#tooLarge = { items: Math.max(1, least), untilMs: this.#now() + CEILING_MS };
    this.#items = Math.max(1, Math.floor(Math.min(items, this.#items) / 2));
  }

  #halve(): void {
    this.#items = Math.max(1, Math.floor(this.#items / 2));
  }
}
