/** Producers that are told of; the one whose latest repeat is longest ago gives way. */
const PRODUCERS_MAX = 32;

/** How often a producer has sent again what was in the log already. */
export interface ProducerRepeats {
  readonly id: string;
  /** Since it was told of; never falls while it is. */
  readonly total: number;
  /** Repeats since its last request that was new. */
  readonly streak: number;
}

/** Which producers of a log repeat themselves. Bounded: only those that did are kept, at most 32. */
export class RepeatTable {
  /** Least recent repeat first. */
  readonly #producers = new Map<string, { total: number; streak: number }>();

  repeated(id: string): void {
    const { total, streak } = this.#producers.get(id) ?? { total: 0, streak: 0 };
    this.#producers.delete(id);
    this.#producers.set(id, { total: total + 1, streak: streak + 1 });
    for (const oldest of this.#producers.keys()) {
      if (this.#producers.size <= PRODUCERS_MAX) break;
      this.#producers.delete(oldest);
    }
  }

  succeeded(id: string): void {
    const known = this.#producers.get(id);
    if (known !== undefined) known.streak = 0;
  }

  read(): readonly ProducerRepeats[] {
    return [...this.#producers].map(([id, counts]) => ({ id, ...counts })).toReversed();
  }
}
