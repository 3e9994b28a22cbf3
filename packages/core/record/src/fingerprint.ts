import { EXACT_NUMBER_TYPE, NUMBER_CHARACTERS_MAX } from "./exactNumber.ts";

/**
 * A fingerprint of decoded records: equal values have equal fingerprints, however they were encoded, compressed, or ordered within an
 * object. It recognises a producer that uses one number for two requests; it is no proof against somebody who searches for two requests
 * with one fingerprint, who would only deceive himself.
 */

/** Bits of a fingerprint: exact in a double. */
const BITS = 53;
const LOW_BITS = BITS - 32;
/** Beyond what the scanner lets through: calls nest as deep as the bytes say. */
const DEPTH_MAX = 256;

/** What a value is mixed with, so that no two types share an input. Numbers of all encodings are one type. */
const TYPE = {
  nil: 1,
  false: 2,
  true: 3,
  number: 4,
  string: 5,
  binary: 6,
  array: 7,
  map: 8,
  raw: 9,
  exactNumber: 10,
};

/** Of the records of one request, in their order. Any bytes have a fingerprint; those that are no msgpack count as they are. */
export function requestFingerprint(records: readonly Uint8Array[]): number {
  const mixer = new ValueMixer();
  for (const record of records) mixer.record(record);
  return mixer.finish(records.length);
}

/** Two lanes of 32 bits, each mixed as in MurmurHash3 (Appleby), with other constants. */
class ValueMixer {
  #a = 0x2545_f491;
  #b = 0x6c07_8965;
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #at = 0;
  #depth = 0;

  record(bytes: Uint8Array): void {
    const [a, b] = [this.#a, this.#b];
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#depth = 0;
    if (this.#value() && this.#at === bytes.length) return;
    this.#a = a;
    this.#b = b;
    this.#at = 0;
    this.#run(TYPE.raw, bytes.length);
  }

  finish(count: number): number {
    this.#word(count);
    const a = avalanche(this.#a ^ this.#b);
    const b = avalanche((this.#b + a) | 0);
    return (a >>> 0) * 2 ** LOW_BITS + (b >>> (32 - LOW_BITS));
  }

  /** False when the bytes end too early, nest too deep or are no msgpack. */
  #value(): boolean {
    const tag = this.#head(1);
    if (tag < 0) return false;
    if (tag <= 0x7f) return this.#number(tag);
    if (tag <= 0x8f) return this.#map(tag & 0x0f);
    if (tag <= 0x9f) return this.#array(tag & 0x0f);
    if (tag <= 0xbf) return this.#run(TYPE.string, tag & 0x1f);
    if (tag >= 0xe0) return this.#number(tag - 0x100);
    return this.#long(tag);
  }

  #long(tag: number): boolean {
    switch (tag) {
      case 0xc0:
        return this.#constant(TYPE.nil);
      case 0xc2:
        return this.#constant(TYPE.false);
      case 0xc3:
        return this.#constant(TYPE.true);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#run(TYPE.binary, this.#head(1 << (tag - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#exactNumber(tag);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#run(TYPE.string, this.#head(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#head(2 << (tag - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#map(this.#head(2 << (tag - 0xde)));
      default:
        return this.#longNumber(tag);
    }
  }

  /** Of application types records have one: a number that is kept with its digits. */
  #exactNumber(tag: number): boolean {
    const length = tag >= 0xd4 ? 1 << (tag - 0xd4) : this.#head(1 << (tag - 0xc7));
    if (length < 0 || this.#head(1) !== EXACT_NUMBER_TYPE) return false;
    const digits = this.#bytes.subarray(this.#at, this.#at + length);
    const text = length <= NUMBER_CHARACTERS_MAX ? String.fromCharCode(...digits) : "";
    const value = Number(text);
    if (/^-?\d+$/.test(text) && Number.isFinite(value) && BigInt(value) === BigInt(text)) {
      this.#at += length;
      return this.#number(value);
    }
    return this.#run(TYPE.exactNumber, length);
  }

  #longNumber(tag: number): boolean {
    const at = this.#at;
    const view = this.#view;
    const bytes = tag === 0xca ? 4 : tag === 0xcb ? 8 : 1 << (tag & 0x03);
    if (tag < 0xca || tag > 0xd3 || at + bytes > this.#bytes.length) return false;
    this.#at += bytes;
    switch (tag) {
      case 0xca:
        return this.#number(view.getFloat32(at));
      case 0xcb:
        return this.#number(view.getFloat64(at));
      case 0xcc:
        return this.#number(view.getUint8(at));
      case 0xcd:
        return this.#number(view.getUint16(at));
      case 0xce:
        return this.#number(view.getUint32(at));
      case 0xcf:
        return this.#wide(view.getUint32(at), view.getUint32(at + 4));
      case 0xd0:
        return this.#number(view.getInt8(at));
      case 0xd1:
        return this.#number(view.getInt16(at));
      case 0xd2:
        return this.#number(view.getInt32(at));
      default:
        return this.#wide(view.getInt32(at), view.getUint32(at + 4));
    }
  }

  /** An integer that a double holds is the same number in every encoding; any other counts by its 64 bits. */
  #wide(high: number, low: number): boolean {
    const value = high * 2 ** 32 + low;
    if (Number.isSafeInteger(value)) return this.#number(value);
    if (BigInt(value) === (BigInt(high) << 32n) + BigInt(low)) return this.#number(value);
    this.#word(TYPE.number + 0x100);
    this.#word(high);
    this.#word(low);
    return true;
  }

  #number(value: number): boolean {
    this.#word(TYPE.number);
    if ((value | 0) === value) {
      this.#word(value | 0);
      return true;
    }
    SCRATCH.setFloat64(0, value);
    this.#word(SCRATCH.getInt32(0));
    this.#word(SCRATCH.getInt32(4));
    return true;
  }

  #constant(type: number): boolean {
    this.#word(type);
    return true;
  }

  #array(count: number): boolean {
    if (count < 0 || this.#depth >= DEPTH_MAX) return false;
    this.#depth += 1;
    this.#word(TYPE.array);
    this.#word(count);
    for (let k = 0; k < count; k++) {
      if (!this.#value()) return false;
    }
    this.#depth -= 1;
    return true;
  }

  /** Each pair is mixed by itself and the results are added up, so the order of keys does not count. */
  #map(count: number): boolean {
    if (count < 0 || this.#depth >= DEPTH_MAX) return false;
    this.#depth += 1;
    const [a, b] = [this.#a, this.#b];
    let sumA = 0;
    let sumB = 0;
    for (let k = 0; k < count; k++) {
      this.#a = 0x51ed_270b;
      this.#b = 0x1b87_3593;
      if (!this.#value() || !this.#value()) return false;
      sumA = (sumA + avalanche(this.#a)) | 0;
      sumB = (sumB + avalanche(this.#b)) | 0;
    }
    this.#depth -= 1;
    this.#a = a;
    this.#b = b;
    this.#word(TYPE.map);
    this.#word(count);
    this.#word(sumA);
    this.#word(sumB);
    return true;
  }

  /** So many bytes that stand for themselves; −1 when their head was cut. */
  #run(type: number, length: number): boolean {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length) return false;
    this.#word(type);
    this.#word(length);
    let at = this.#at;
    for (; at + 4 <= end; at += 4) this.#word(this.#view.getInt32(at));
    let rest = 0;
    for (; at < end; at++) rest = (rest << 8) | (this.#bytes[at] ?? 0);
    this.#word(rest);
    this.#at = end;
    return true;
  }

  /** A big-endian head of 1, 2 or 4 bytes; −1 when the bytes end before it does. */
  #head(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) return -1;
    this.#at += bytes;
    if (bytes === 1) return this.#bytes[at] ?? -1;
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #word(word: number): void {
    let k = Math.imul(word, 0xcc9e_2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
    const a = this.#a ^ k;
    this.#a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe654_6b64) | 0;
    let j = Math.imul(word, 0x239b_961b);
    j = Math.imul((j << 16) | (j >>> 16), 0xab0e_9789);
    const b = this.#b ^ j;
    this.#b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561c_cd1b) | 0;
  }
}

const SCRATCH: DataView = new DataView(new ArrayBuffer(8));

/** The last step of MurmurHash3: every bit of the input changes every bit of the output with even odds. */
function avalanche(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}
