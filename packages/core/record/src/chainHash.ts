/** SHA-256 over the concatenation of the parts; injected, because this package knows no platform. */
export type Sha256 = (...parts: readonly Uint8Array[]) => Uint8Array;

export const HASH_BYTES = 32;

/** What the first entry of a log is chained to. */
export const ZERO_HASH: Uint8Array = new Uint8Array(HASH_BYTES);

/** Of what is hashed. */
export const CHAIN_VERSION = 1;
const PREFIX_BYTES = 1 + HASH_BYTES + 8 + 8 + 1;

/**
 * The chain hash of one entry: SHA-256 over
 * `version (1 byte: 1) ‖ previous hash (32) ‖ index (u64) ‖ term (u64) ‖ kind (u8, the code that wire gives it) ‖ data`,
 * integers big-endian. The prefix has a fixed length, so no two entries share an input. It covers index and term, so it
 * also finds a stale or misplaced entry; it doubles as the checksum of the stored entry.
 */
export function chainHash(
  sha256: Sha256,
  previous: Uint8Array,
  index: number,
  term: number,
  kind: number,
  data: Uint8Array,
): Uint8Array {
  if (previous.length !== HASH_BYTES)
    throw new RangeError(`previous hash has ${previous.length} bytes, not ${HASH_BYTES}`);
  const prefix = new Uint8Array(PREFIX_BYTES);
  const view = new DataView(prefix.buffer);
  prefix[0] = CHAIN_VERSION;
  prefix.set(previous, 1);
  view.setBigUint64(1 + HASH_BYTES, BigInt(index));
  view.setBigUint64(1 + HASH_BYTES + 8, BigInt(term));
  prefix[PREFIX_BYTES - 1] = kind;
  return sha256(prefix, data);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let k = 0; k < a.length; k++) {
    if (a[k] !== b[k]) return false;
  }
  return true;
}
