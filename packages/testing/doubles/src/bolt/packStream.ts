/** PackStream, the encoding of Bolt's messages: the values that Cypher's parameters and our rows need. */

export type PackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PackValue[]
  | { readonly [key: string]: PackValue };

/** A message: a structure with a tag. */
export interface PackStructure {
  readonly tag: number;
  readonly fields: readonly PackValue[];
}

const DEPTH_MAX = 64;

export function packStructure({ tag, fields }: PackStructure): Buffer {
  return Buffer.concat([Buffer.from([0xb0 + fields.length, tag]), ...fields.map(pack)]);
}

function pack(value: PackValue): Buffer {
  if (value === null) return Buffer.from([0xc0]);
  if (value === false) return Buffer.from([0xc2]);
  if (value === true) return Buffer.from([0xc3]);
  if (typeof value === "number") return packNumber(value);
  if (typeof value === "bigint") return packInteger(value);
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    return Buffer.concat([header(bytes.length, 0x80, 0xd0), bytes]);
  }
  if (value instanceof Uint8Array) {
    return Buffer.concat([header(value.length, undefined, 0xcc), value]);
  }
  if (isList(value)) {
    return Buffer.concat([header(value.length, 0x90, 0xd4), ...value.map(pack)]);
  }
  const entries = Object.entries(value);
  const packed = entries.flatMap(([key, inner]) => [pack(key), pack(inner)]);
  return Buffer.concat([header(entries.length, 0xa0, 0xd8), ...packed]);
}

function isList(value: PackValue): value is readonly PackValue[] {
  return Array.isArray(value);
}

function packNumber(value: number): Buffer {
  if (Number.isSafeInteger(value)) return packInteger(BigInt(value));
  const bytes = Buffer.alloc(9, 0xc1);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function packInteger(value: bigint): Buffer {
  if (value >= -16n && value < 128n) return Buffer.from([Number(value) & 0xff]);
  const bytes = Buffer.alloc(9, 0xcb);
  bytes.writeBigInt64BE(value, 1);
  return bytes;
}

/** Sizes below 16 are in the marker where there is a tiny form; others follow it in 1, 2 or 4 bytes. */
function header(size: number, tiny: number | undefined, marker: number): Buffer {
  if (tiny !== undefined && size < 16) return Buffer.from([tiny + size]);
  if (size < 0x100) return Buffer.from([marker, size]);
  if (size < 0x1_0000) return Buffer.from([marker + 1, size >> 8, size & 0xff]);
  const bytes = Buffer.alloc(5, marker + 2);
  bytes.writeUInt32BE(size, 1);
  return bytes;
}

/** Throws for anything that is no structure of known values, or that goes on behind it. */
export function unpackStructure(bytes: Buffer): PackStructure {
  const reader = new Reader(bytes);
  const structure = reader.structure();
  reader.end();
  return structure;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  structure(): PackStructure {
    const marker = this.#uint(1);
    if (marker >> 4 !== 0xb) throw new Error(`no structure: 0x${marker.toString(16)}`);
    const tag = this.#uint(1);
    return { tag, fields: this.#times(marker & 0xf, () => this.#value(0)) };
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw new Error("bytes behind the structure");
  }

  #value(depth: number): PackValue {
    if (depth > DEPTH_MAX) throw new Error("too deep");
    const marker = this.#uint(1);
    if (marker < 0x80) return marker;
    if (marker >= 0xf0) return marker - 0x100;
    const tiny = marker & 0xf;
    switch (marker >> 4) {
      case 0x8:
        return this.#text(tiny);
      case 0x9:
        return this.#times(tiny, () => this.#value(depth + 1));
      case 0xa:
        return this.#map(tiny, depth);
      default:
        return this.#marked(marker, depth);
    }
  }

  #marked(marker: number, depth: number): PackValue {
    switch (marker) {
      case 0xc0:
        return null;
      case 0xc1:
        return this.#take(8).readDoubleBE();
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc8:
      case 0xc9:
      case 0xca:
        return this.#int(2 ** (marker - 0xc8));
      case 0xcb:
        return safe(this.#take(8).readBigInt64BE());
      case 0xcc:
      case 0xcd:
      case 0xce:
        return Buffer.from(this.#take(this.#uint(2 ** (marker - 0xcc))));
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return this.#text(this.#uint(2 ** (marker - 0xd0)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
        return this.#times(this.#uint(2 ** (marker - 0xd4)), () => this.#value(depth + 1));
      case 0xd8:
      case 0xd9:
      case 0xda:
        return this.#map(this.#uint(2 ** (marker - 0xd8)), depth);
      default:
        throw new Error(`unknown marker 0x${marker.toString(16)}`);
    }
  }

  #map(size: number, depth: number): { readonly [key: string]: PackValue } {
    const entries = this.#times(size, () => {
      const key = this.#value(depth + 1);
      if (typeof key !== "string") throw new Error("a key that is no text");
      return [key, this.#value(depth + 1)] as const;
    });
    return Object.fromEntries(entries);
  }

  /** Each item has at least a byte, so a size that the bytes cannot hold allocates nothing. */
  #times<T>(count: number, read: () => T): T[] {
    if (count > this.#bytes.length - this.#at) throw new Error("fewer bytes than items");
    return Array.from({ length: count }, read);
  }

  #text(size: number): string {
    return this.#take(size).toString("utf8");
  }

  #uint(size: number): number {
    return this.#take(size).readUIntBE(0, size);
  }

  #int(size: number): number {
    return this.#take(size).readIntBE(0, size);
  }

  #take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new Error("cut short");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
