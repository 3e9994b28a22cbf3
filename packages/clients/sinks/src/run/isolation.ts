/**
 * The search for the one record that cannot be written, by bisection: each transaction takes half of the suspects, in order, so one
 * among n costs about log2(n) extra transactions, and all others are written.
 */
export class Isolation {
  #suspects = 0;

  /** Records that the next chunk may have. */
  recordsMax(standard: number): number {
    return this.#suspects === 0 ? standard : Math.ceil(this.#suspects / 2);
  }

  /** The next so many records could not be written together. */
  begin(records: number): void {
    this.#suspects = records;
  }

  /** So many of them were written. */
  wrote(records: number): void {
    this.#suspects = Math.max(0, this.#suspects - records);
  }

  /** It was one record, which is a dead letter now; nothing is known against the others. */
  found(): void {
    this.#suspects = 0;
  }
}
