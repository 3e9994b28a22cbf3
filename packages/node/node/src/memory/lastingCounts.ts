import { addCounts } from "./status.ts";

type Counts = Readonly<Record<string, number>>;

/** Adds up counts of things that end, such as threads. What one had counted when it was read last stays in the totals, which never fall. */
export class LastingCounts<Source> {
  readonly #latest = new Map<Source, Counts>();
  #ended: Counts = {};

  read(source: Source, counts: Counts): void {
    this.#latest.set(source, counts);
  }

  /** Whoever is not among these has ended. */
  keepOnly(sources: readonly Source[]): void {
    for (const [source, counts] of this.#latest) {
      if (sources.includes(source)) continue;
      this.#ended = addCounts([this.#ended, counts]);
      this.#latest.delete(source);
    }
  }

  totals(): Counts {
    return addCounts([this.#ended, ...this.#latest.values()]);
  }
}
