/** Keys of a map up to which each is compared with each. */
const LINEAR_MAX = 24;

/**
 * The keys seen in the maps that are open, one level for each depth, to find duplicates. Keys stay bytes in the body; a level
 * holds where they are. Large maps go over to a Set of strings, whose hash is seeded: comparing all pairs, or a hash that a
 * client can aim at, would make one record cost seconds.
 */
export class KeySet {
  readonly #places: Int32Array;
  readonly #counts: Int32Array;
  readonly #large: (Set<string> | undefined)[];

  constructor(maxDepth: number) {
    this.#places = new Int32Array((maxDepth + 1) * LINEAR_MAX * 2);
    this.#counts = new Int32Array(maxDepth + 1);
    this.#large = Array.from({ length: maxDepth + 1 });
  }

  begin(depth: number): void {
    this.#counts[depth] = 0;
    this.#large[depth] = undefined;
  }

  /** False if the map at `depth` has this key already. */
  add(depth: number, bytes: Uint8Array, from: number, to: number): boolean {
    const count = this.#counts[depth] ?? 0;
    const large = this.#large[depth];
    if (large !== undefined) {
      const size = large.size;
      large.add(latin1(bytes, from, to));
      return large.size > size;
    }
    const level = depth * LINEAR_MAX * 2;
    for (let k = 0; k < count; k++) {
      const start = this.#places[level + 2 * k] ?? 0;
      if (
        (this.#places[level + 2 * k + 1] ?? 0) - start === to - from &&
        same(bytes, start, from, to)
      )
        return false;
    }
    if (count === LINEAR_MAX) {
      const keys = new Set<string>([latin1(bytes, from, to)]);
      for (let k = 0; k < count; k++)
        keys.add(
          latin1(bytes, this.#places[level + 2 * k] ?? 0, this.#places[level + 2 * k + 1] ?? 0),
        );
      this.#large[depth] = keys;
      return true;
    }
    this.#places[level + 2 * count] = from;
    this.#places[level + 2 * count + 1] = to;
    this.#counts[depth] = count + 1;
    return true;
  }
}

function same(bytes: Uint8Array, start: number, from: number, to: number): boolean {
  for (let k = 0; k < to - from; k++) {
    if (bytes[start + k] !== bytes[from + k]) return false;
  }
  return true;
}

/** One character a byte: different bytes, different strings. */
function latin1(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at += 4096)
    text += String.fromCharCode(...bytes.subarray(at, Math.min(to, at + 4096)));
  return text;
}
