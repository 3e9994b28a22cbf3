/**
 * Keys of nodes and edges that are known to be in the database, the latest used ones. Filled after a commit only and emptied by any
 * failure, so it never names what a rollback took back; it saves searches and decides nothing.
 */
export class WrittenKeys {
  readonly #max: number;
  readonly #keys = new Set<string>();
  #hits = 0;
  #misses = 0;

  constructor(max: number) {
    this.#max = max;
  }

  has(key: string): boolean {
    if (!this.#keys.delete(key)) {
      this.#misses += 1;
      return false;
    }
    this.#keys.add(key);
    this.#hits += 1;
    return true;
  }

  add(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#keys.delete(key);
      this.#keys.add(key);
    }
    for (const key of this.#keys) {
      if (this.#keys.size <= this.#max) return;
      this.#keys.delete(key);
    }
  }

  clear(): void {
    this.#keys.clear();
  }

  get size(): number {
    return this.#keys.size;
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }
}
