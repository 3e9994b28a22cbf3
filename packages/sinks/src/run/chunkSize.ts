/** A chunk's transaction should not take longer. */
const BUDGET_MS = 5_000;
const STEPS = 10;

/**
 * How many items a chunk may have, from 1 to `max`: a tenth more after a quick one, half after a slow one (AIMD), half when the
 * database says that it was too large.
 */
export class ChunkSize {
  readonly #max: number;
  #items: number;

  constructor(max: number) {
    if (!(max >= 1)) throw new RangeError(`chunkSize must be ≥ 1, got ${max}`);
    this.#max = max;
    this.#items = max;
  }

  get items(): number {
    return this.#items;
  }

  took(items: number, ms: number): void {
    if (ms > BUDGET_MS) this.halve();
    // A chunk that was not full says nothing about a larger one.
    else if (items >= this.#items && ms * 2 <= BUDGET_MS)
      this.#items = Math.min(this.#max, this.#items + Math.ceil(this.#max / STEPS));
  }

  halve(): void {
    this.#items = Math.max(1, Math.floor(this.#items / 2));
  }
}
