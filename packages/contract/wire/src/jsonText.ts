import { doubleText, EXACT_NUMBER_TYPE } from "@annals/record";
import type { TextSink } from "./textBytes.ts";

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
/** Beyond what the scanner lets in. */
const DEPTH_MAX = 256;

/** The bytes are no msgpack that a record can be. */
export class NotARecord extends Error {
  override readonly name = "NotARecord";
}

/**
 * Turns msgpack into JSON text, byte by byte and without building values: keys stay in their order, numbers keep their digits, binary
 * becomes base64. The opposite of the transcoder of JSON. Throws `NotARecord`.
 */
export class JsonText {
  readonly #out: TextSink;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #depth = 0;

  constructor(out: TextSink) {
    this.#out = out;
  }

  /** Writes the one value that `bytes` are. */
  value(bytes: Uint8Array): void {
    this.#begin(bytes);
    this.#value();
    this.#ended();
  }

  /** Writes the fields of the map that `bytes` are, each behind a comma, as those of an object that has some already. */
  moreFields(bytes: Uint8Array): void {
    this.#begin(bytes);
    const tag = this.#u8();
    if ((tag & 0xf0) !== 0x80 && tag !== 0xde) throw new NotARecord("no map");
    for (let left = tag === 0xde ? this.#uint(2) : tag & 0x0f; left > 0; left--) {
      this.#out.byte(COMMA);
      this.#pair();
    }
    this.#ended();
  }

  #begin(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    this.#depth = 0;
  }

  #ended(): void {
    if (this.#at !== this.#bytes.length) throw new NotARecord("bytes after the end");
  }

  #value(): void {
    const tag = this.#u8();
    if (tag <= 0x7f) return this.#out.ascii(String(tag));
    if (tag <= 0x8f) return this.#map(tag & 0x0f);
    if (tag <= 0x9f) return this.#array(tag & 0x0f);
    if (tag <= 0xbf) return this.#string(tag & 0x1f);
    if (tag >= 0xe0) return this.#out.ascii(String(tag - 0x100));
    if (tag >= 0xca && tag <= 0xd3) return this.#out.ascii(this.#number(tag));
    return this.#long(tag);
  }

  #long(tag: number): void {
    switch (tag) {
      case 0xc0:
        return this.#out.ascii("null");
      case 0xc2:
        return this.#out.ascii("false");
      case 0xc3:
        return this.#out.ascii("true");
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (tag - 0xc4)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#string(this.#uint(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (tag - 0xdc)));
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (tag - 0xde)));
      default:
        return this.#exactNumber(tag);
    }
  }

  #number(tag: number): string {
    const view = this.#view;
    switch (tag) {
      case 0xca:
        return doubleText(view.getFloat32(this.#take(4)));
      case 0xcb:
        return doubleText(view.getFloat64(this.#take(8)));
      case 0xcf:
        return String(view.getBigUint64(this.#take(8)));
      case 0xd0:
        return String(view.getInt8(this.#take(1)));
      case 0xd1:
        return String(view.getInt16(this.#take(2)));
      case 0xd2:
        return String(view.getInt32(this.#take(4)));
      case 0xd3:
        return String(view.getBigInt64(this.#take(8)));
      default:
        return String(this.#uint(1 << (tag - 0xcc)));
    }
  }

  #exactNumber(tag: number): void {
    const isFixed = tag >= 0xd4 && tag <= 0xd8;
    if (!isFixed && tag !== 0xc7 && tag !== 0xc8) throw new NotARecord("an unknown type");
    const length = isFixed ? 1 << (tag - 0xd4) : this.#uint(1 << (tag - 0xc7));
    if (this.#u8() !== EXACT_NUMBER_TYPE) throw new NotARecord("an unknown extension type");
    const from = this.#take(length);
    this.#out.run(this.#bytes, from, this.#at);
  }

  #binary(length: number): void {
    const from = this.#take(length);
    this.#out.byte(QUOTE);
    this.#out.base64(this.#bytes, from, this.#at);
    this.#out.byte(QUOTE);
  }

  #string(length: number): void {
    const from = this.#take(length);
    this.#out.string(this.#bytes, from, this.#at);
  }

  #array(count: number): void {
    this.#descend();
    this.#out.byte(0x5b);
    for (let k = 0; k < count; k++) {
      if (k > 0) this.#out.byte(COMMA);
      this.#value();
    }
    this.#out.byte(0x5d);
    this.#depth -= 1;
  }

  #map(count: number): void {
    this.#descend();
    this.#out.byte(0x7b);
    for (let k = 0; k < count; k++) {
      if (k > 0) this.#out.byte(COMMA);
      this.#pair();
    }
    this.#out.byte(0x7d);
    this.#depth -= 1;
  }

  #pair(): void {
    const tag = this.#u8();
    if (tag >= 0xa0 && tag <= 0xbf) this.#string(tag & 0x1f);
    else if (tag >= 0xd9 && tag <= 0xdb) this.#string(this.#uint(1 << (tag - 0xd9)));
    else throw new NotARecord("a key that is no string");
    this.#out.byte(COLON);
    this.#value();
  }

  #descend(): void {
    if (this.#depth >= DEPTH_MAX) throw new NotARecord("nested too deep");
    this.#depth += 1;
  }

  #take(bytes: number): number {
    const from = this.#at;
    if (from + bytes > this.#bytes.length) throw new NotARecord("ends inside a value");
    this.#at = from + bytes;
    return from;
  }

  #u8(): number {
    return this.#bytes[this.#take(1)] ?? 0;
  }

  #uint(bytes: number): number {
    const at = this.#take(bytes);
    if (bytes === 1) return this.#bytes[at] ?? 0;
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }
}
