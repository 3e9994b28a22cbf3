/** Keys of a map up to which each is compared with each. */
const LINEAR_MAX = 24;

interface Level {
  count: number;
  /** From where to where each key is. Not a typed array: one of this size has memory of its own, dear to make for a single record. */
  readonly places: number[];
  large: Set<string> | undefined;
}

/**
 * The keys seen in the maps that are open, one level for each depth, to find duplicates. Keys stay bytes in the body; a level
 * holds where they are. Large maps go over to a Set of strings, whose hash is seeded: comparing all pairs, or a hash that a
 * client can aim at, would make one record cost seconds.
 */
export class KeySet {
  /** By depth; made when it is first reached: a small request does not pay for the deepest one allowed. */
  readonly #levels: Level[] = [];

  /** Depths are entered one below the other. */
  begin(depth: number): void {
    const level = (this.#levels[depth] ??= newLevel());
    level.count = 0;
    level.large = undefined;
  }

  /** False if the map at `depth` has this key already. */
  add(depth: number, bytes: Uint8Array, from: number, to: number): boolean {
    const level = (this.#levels[depth] ??= newLevel());
    const { count, places, large } = level;
    if (large !== undefined) {
      const size = large.size;
      large.add(latin1(bytes, from, to));
      return large.size > size;
    }
    for (let k = 0; k < count; k++) {
      const start = places[2 * k] ?? 0;
      if ((places[2 * k + 1] ?? 0) - start === to - from && same(bytes, start, from, to))
        return false;
    }
    if (count === LINEAR_MAX) {
      const keys = new Set<string>([latin1(bytes, from, to)]);
      for (let k = 0; k < count; k++)
        keys.add(latin1(bytes, places[2 * k] ?? 0, places[2 * k + 1] ?? 0));
      level.large = keys;
      return true;
    }
    places[2 * count] = from;
    places[2 * count + 1] = to;
    level.count = count + 1;
    return true;
  }
}

function newLevel(): Level {
  return { count: 0, places: [], large: undefined };
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
