/** Most lanes that the records of a log may be split into. */
export const LANES_MAX = 64;

/** What of a record its lane is found by: the id of its actor or of its first target, or its tenant. */
export const LANE_KEYS = ["actor", "target", "tenant"] as const;
export type LaneKey = (typeof LANE_KEYS)[number];

/** One lane of `of`: the records whose key hashes to `index`, in their order. */
export interface LaneShare {
  readonly index: number;
  readonly of: number;
  readonly key: LaneKey;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * FNV-1a of the text's UTF-8, 32 bits. Positions of groups are kept by lane, so it never changes: docs/protocol.md. Lone surrogates, which
 * no record has, count as U+FFFD. Source: RFC 9923.
 */
export function laneHash(text: string): number {
  let hash = FNV_OFFSET;
  const add = (byte: number): void => {
    hash = Math.imul(hash ^ byte, FNV_PRIME);
  };
  for (const character of text) {
    const found = character.codePointAt(0) ?? 0;
    const point = found >= 0xd800 && found < 0xe000 ? 0xfffd : found;
    if (point < 0x80) {
      add(point);
      continue;
    }
    if (point < 0x800) add(0xc0 | (point >> 6));
    else {
      if (point < 0x10000) add(0xe0 | (point >> 12));
      else {
        add(0xf0 | (point >> 18));
        add(0x80 | ((point >> 12) & 0x3f));
      }
      add(0x80 | ((point >> 6) & 0x3f));
    }
    add(0x80 | (point & 0x3f));
  }
  return hash >>> 0;
}

/** The lane of a record with this key; of one without it, lane 0. */
export function laneOf(key: string | undefined, lanes: number): number {
  return key === undefined ? 0 : laneHash(key) % lanes;
}
