import { isUtf8 } from "@annals/record";
import { WireError } from "./wireError.ts";

/**
 * Reads untrusted msgpack one expected element at a time. A general decoder builds whatever the bytes ask for (extension types,
 * cyclic records, 60 bytes of heap per byte of empty maps); this one refuses each element that the layout does not call for,
 * before anything is allocated for it. Byte runs come out as views, not copies.
 */
export class MsgpackCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get offset(): number {
    return this.#at;
  }

  fail(code: "ERR_WIRE_RANGE" | "ERR_WIRE_COUNT" | "ERR_WIRE_KIND", what: string): WireError {
    return new WireError(code, what, this.#at);
  }

  /** Moves past `bytes` bytes that must be there and returns where they begin. */
  #take(bytes: number, what: string): number {
    const at = this.#at;
    if (at + bytes > this.#bytes.length) throw new WireError("ERR_WIRE_TRUNCATED", what, at);
    this.#at = at + bytes;
    return at;
  }

  #wrongType(what: string): WireError {
    return new WireError("ERR_WIRE_TYPE", `expected ${what}`, this.#at - 1);
  }

  /** The number of elements of an array; never more than the bytes that are left, nor than `max`. */
  array(what: string, max: number): number {
    const tag = this.#view.getUint8(this.#take(1, what));
    let count: number;
    if (tag >= 0x90 && tag <= 0x9f) count = tag & 0x0f;
    else if (tag === 0xdc) count = this.#view.getUint16(this.#take(2, what));
    else if (tag === 0xdd) count = this.#view.getUint32(this.#take(4, what));
    else throw this.#wrongType(`array (${what})`);
    if (count > max)
      throw this.fail("ERR_WIRE_RANGE", `${what}: ${count} elements, at most ${max}`);
    if (count > this.#bytes.length - this.#at)
      throw new WireError("ERR_WIRE_TRUNCATED", `${what}: more elements than bytes`, this.#at);
    return count;
  }

  /** An array of exactly `count` elements. */
  tuple(what: string, count: number): void {
    const found = this.array(what, Number.MAX_SAFE_INTEGER);
    if (found !== count)
      throw this.fail("ERR_WIRE_COUNT", `${what}: ${found} elements, not ${count}`);
  }

  /** The number of pairs of a map; never more than the bytes that are left can hold, nor than `max`. */
  map(what: string, max: number): number {
    const tag = this.#view.getUint8(this.#take(1, what));
    let count: number;
    if (tag >= 0x80 && tag <= 0x8f) count = tag & 0x0f;
    else if (tag === 0xde) count = this.#view.getUint16(this.#take(2, what));
    else if (tag === 0xdf) count = this.#view.getUint32(this.#take(4, what));
    else throw this.#wrongType(`map (${what})`);
    if (count > max) throw this.fail("ERR_WIRE_RANGE", `${what}: ${count} pairs, at most ${max}`);
    if (count * 2 > this.#bytes.length - this.#at)
      throw new WireError("ERR_WIRE_TRUNCATED", `${what}: more pairs than bytes`, this.#at);
    return count;
  }

  /** A text of at most `maxBytes`, a safe integer from 0, or a boolean: whichever comes. */
  plain(what: string, maxBytes: number): string | number | boolean {
    const tag = this.#bytes[this.#at] ?? 0;
    if (tag === 0xc2 || tag === 0xc3) return this.boolean(what);
    const isText = (tag >= 0xa0 && tag <= 0xbf) || (tag >= 0xd9 && tag <= 0xdb);
    return isText ? this.string(what, maxBytes) : this.uint(what);
  }

  /** A safe integer in [0, max]. Encoders write what is beyond 32 bits as a float or as 64 bits; both are read. */
  uint(what: string, max: number = Number.MAX_SAFE_INTEGER): number {
    const tag = this.#view.getUint8(this.#take(1, what));
    let value: number;
    if (tag <= 0x7f) value = tag;
    else if (tag === 0xcc) value = this.#view.getUint8(this.#take(1, what));
    else if (tag === 0xcd) value = this.#view.getUint16(this.#take(2, what));
    else if (tag === 0xce) value = this.#view.getUint32(this.#take(4, what));
    else if (tag === 0xcf) value = this.#uint64(what);
    else if (tag === 0xcb) value = this.#view.getFloat64(this.#take(8, what));
    else throw this.#wrongType(`unsigned integer (${what})`);
    if (!Number.isSafeInteger(value) || value < 0 || value > max)
      throw this.fail("ERR_WIRE_RANGE", `${what} is no integer in [0, ${max}]`);
    return value;
  }

  /** Rounded where it is no safe integer: then it is refused. */
  #uint64(what: string): number {
    const at = this.#take(8, what);
    return this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  boolean(what: string): boolean {
    const tag = this.#view.getUint8(this.#take(1, what));
    if (tag === 0xc3) return true;
    if (tag === 0xc2) return false;
    throw this.#wrongType(`boolean (${what})`);
  }

  /** A view of a byte run. */
  bin(what: string): Uint8Array {
    const tag = this.#view.getUint8(this.#take(1, what));
    let length: number;
    if (tag === 0xc4) length = this.#view.getUint8(this.#take(1, what));
    else if (tag === 0xc5) length = this.#view.getUint16(this.#take(2, what));
    else if (tag === 0xc6) length = this.#view.getUint32(this.#take(4, what));
    else throw this.#wrongType(`bytes (${what})`);
    const at = this.#take(length, what);
    return this.#bytes.subarray(at, at + length);
  }

  /** Well-formed UTF-8 of at most `maxBytes`. */
  string(what: string, maxBytes: number): string {
    const tag = this.#view.getUint8(this.#take(1, what));
    let length: number;
    if (tag >= 0xa0 && tag <= 0xbf) length = tag & 0x1f;
    else if (tag === 0xd9) length = this.#view.getUint8(this.#take(1, what));
    else if (tag === 0xda) length = this.#view.getUint16(this.#take(2, what));
    else if (tag === 0xdb) length = this.#view.getUint32(this.#take(4, what));
    else throw this.#wrongType(`string (${what})`);
    if (length > maxBytes)
      throw this.fail("ERR_WIRE_RANGE", `${what}: ${length} bytes, at most ${maxBytes}`);
    const at = this.#take(length, what);
    const short = length <= SHORT_BYTES ? asciiText(this.#bytes, at, at + length) : undefined;
    if (short !== undefined) return short;
    if (!isUtf8(this.#bytes, at, at + length))
      throw new WireError("ERR_WIRE_TYPE", `${what} is no UTF-8`, at);
    return utf8.decode(this.#bytes.subarray(at, at + length));
  }

  /** Whether a nil comes next; it is consumed. */
  maybeNil(what: string): boolean {
    const at = this.#take(1, what);
    if (this.#bytes[at] === 0xc0) return true;
    this.#at = at;
    return false;
  }

  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new WireError("ERR_WIRE_TRAILING", "bytes after the end", this.#at);
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Up to here a loop takes a third of the time of a call into the decoder. */
const SHORT_BYTES = 12;
/** Short texts are mostly names, and those that were read last are kept: one in each place that a hash may fall on. */
const PLACES = 256;
const lastTexts: string[] = Array.from({ length: PLACES }, () => "");

/** Undefined when it is more than ASCII. */
function asciiText(bytes: Uint8Array, from: number, to: number): string | undefined {
  let hash = to - from;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0x80;
    if (byte >= 0x80) return undefined;
    hash = (hash * 31 + byte) % PLACES;
  }
  const last = lastTexts[hash] ?? "";
  if (isText(last, bytes, from, to)) return last;
  const text = String.fromCharCode(...bytes.subarray(from, to));
  lastTexts[hash] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let k = 0; k < text.length; k++) if (text.charCodeAt(k) !== bytes[from + k]) return false;
  return true;
}
