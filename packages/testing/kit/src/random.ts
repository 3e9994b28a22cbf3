/**
 * The only source of chance in a simulation (sfc32, 128 bits of state). Parts of the world draw from streams of their own, so that a change
 * to one of them leaves what the others draw as it was.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, stream = 0) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = stream >>> 0;
    for (let round = 0; round < 15; round++) this.#next();
  }

  /** Uniform in [0, n). */
  below(n: number): number {
    return this.#next() % n;
  }

  /** Uniform in [low, high], both integers. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  chance(probability: number): boolean {
    return this.#next() < probability * 2 ** 32;
  }

  /** Exponentially distributed, rounded down. */
  exponential(mean: number): number {
    return Math.floor(-mean * Math.log((this.#next() + 1) / 2 ** 32));
  }

  pick<T>(list: readonly T[]): T {
    const value = list[this.below(list.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list];
    const shuffled: T[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.below(rest.length), 1));
    return shuffled;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }
}
