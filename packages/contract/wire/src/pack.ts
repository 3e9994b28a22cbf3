import { WireError } from "./wireError.ts";

/** Elements that a layout is built of. Numbers are integers ≥ 0: no layout needs others. */
export type Packable = number | string | boolean | null | Uint8Array | Nested | readonly Packable[];

/** A layout within another one, of which it is a run of bytes: packed where it stands, without a copy of its own before. */
export class Nested {
  readonly version: number;
  readonly value: Packable;
  /** Of the whole layout. */
  readonly bytes: number;

  constructor(version: number, value: Packable) {
    this.version = version;
    this.value = value;
    this.bytes = 1 + sizeOf(value);
  }
}

/**
 * `version` as one byte, then `value` as plain msgpack, in a buffer of exactly that size that is the caller's. msgpackr would put small
 * results into a shared slab as large as the largest result so far, so that one queued heartbeat could hold eleven megabytes; and
 * what it writes for an integer beyond 32 bits is a float.
 */
export function packVersioned(version: number, value: Packable): Uint8Array {
  // Written to its last byte; not from the pool, which would be held as a whole by whoever keeps the result.
  const writer = new Writer(Buffer.allocUnsafeSlow(1 + sizeOf(value)));
  writer.byte(version);
  writer.value(value);
  return writer.bytes;
}

/** A flat map as plain msgpack, in a part of the pool: for what is sent or copied at once. */
export function packFields(fields: ReadonlyMap<string, Packable>): Uint8Array {
  return new PackedShape([...fields.keys()]).pack([...fields.values()]);
}

/** A flat map whose names are known beforehand. */
export class PackedShape {
  readonly #names: readonly Uint8Array[];
  readonly #bytes: number;

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => packed(name));
    const named = this.#names.reduce((sum, name) => sum + name.length, 0);
    this.#bytes = named + headBytes(names.length, 15);
  }

  /** The values in the order of the names, in a part of the pool: for what is sent or copied at once. */
  pack(values: readonly Packable[]): Uint8Array {
    let size = this.#bytes;
    for (const value of values) size += sizeOf(value);
    const writer = new Writer(Buffer.allocUnsafe(size));
    writer.fields(this.#names, values);
    return writer.bytes;
  }
}

function packed(value: Packable): Uint8Array {
  const writer = new Writer(Buffer.allocUnsafeSlow(sizeOf(value)));
  writer.value(value);
  return writer.bytes;
}

/** Checks the leading version byte of an untrusted layout. */
export function assertVersion(bytes: Uint8Array, version: number, layout: string): void {
  if (bytes.length < 1) throw new WireError("ERR_WIRE_TRUNCATED", `${layout} version`, 0);
  if (bytes[0] !== version) {
    const what = `${layout} layout ${bytes[0]}, this build reads ${version}`;
    throw new WireError("ERR_WIRE_VERSION", what, 0);
  }
}

function headBytes(length: number, short: number): number {
  if (length <= short) return 1;
  return length < 0x1_0000 ? 3 : 5;
}

function integerBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x1_0000) return value < 0x100 ? 2 : 3;
  return value <= 0xffff_ffff ? 5 : 9;
}

function binBytes(length: number): number {
  return length + (length < 0x100 ? 2 : headBytes(length, 0));
}

function sizeOf(value: Packable): number {
  if (typeof value === "number") return integerBytes(value);
  if (typeof value === "boolean" || value === null) return 1;
  if (typeof value === "string") {
    const length = Buffer.byteLength(value, "utf8");
    return length + (length > 31 && length < 0x100 ? 2 : headBytes(length, 31));
  }
  if (value instanceof Uint8Array) return binBytes(value.length);
  if (value instanceof Nested) return binBytes(value.bytes);
  let size = headBytes(value.length, 15);
  // Not for-of, here and below: until the code is hot an iterator and its results are most of what encoding allocates.
  for (let k = 0; k < value.length; k++) size += sizeOf(value[k] ?? null);
  return size;
}

/** Tags for a width of 8, 16 and 32 bits. */
interface Tags {
  readonly tag8: number | undefined;
  readonly tag16: number;
  readonly tag32: number;
}

const UINT_TAGS: Tags = { tag8: 0xcc, tag16: 0xcd, tag32: 0xce };
const BIN_TAGS: Tags = { tag8: 0xc4, tag16: 0xc5, tag32: 0xc6 };
const STRING_TAGS: Tags = { tag8: 0xd9, tag16: 0xda, tag32: 0xdb };
const ARRAY_TAGS: Tags = { tag8: undefined, tag16: 0xdc, tag32: 0xdd };
const MAP_TAGS: Tags = { tag8: undefined, tag16: 0xde, tag32: 0xdf };
const EMPTY = new Uint8Array();

class Writer {
  readonly bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  byte(value: number): void {
    this.#at = this.bytes.writeUInt8(value, this.#at);
  }

  /** A map of as many packed names as values. */
  fields(names: readonly Uint8Array[], values: readonly Packable[]): void {
    this.#head(values.length, 15, 0x80, MAP_TAGS);
    for (let k = 0; k < values.length; k++) {
      this.#raw(names[k] ?? EMPTY);
      this.value(values[k] ?? null);
    }
  }

  value(value: Packable): void {
    if (typeof value === "number") this.#integer(value);
    else if (value === null) this.byte(0xc0);
    else if (typeof value === "boolean") this.byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "string") this.#string(value);
    else if (value instanceof Uint8Array) this.#bin(value);
    else if (value instanceof Nested) this.#nested(value);
    else {
      this.#head(value.length, 15, 0x90, ARRAY_TAGS);
      for (let k = 0; k < value.length; k++) this.value(value[k] ?? null);
    }
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} is no safe integer ≥ 0`);
    if (value < 0x80) this.byte(value);
    else if (value <= 0xffff_ffff) this.#sized(value, UINT_TAGS);
    else {
      this.byte(0xcf);
      this.#at = this.bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), this.#at);
      this.#at = this.bytes.writeUInt32BE(value >>> 0, this.#at);
    }
  }

  #string(value: string): void {
    this.#head(Buffer.byteLength(value, "utf8"), 31, 0xa0, STRING_TAGS);
    this.#at += this.bytes.write(value, this.#at, "utf8");
  }

  #bin(value: Uint8Array): void {
    this.#sized(value.length, BIN_TAGS);
    this.#raw(value);
  }

  #raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #nested({ version, value, bytes }: Nested): void {
    this.#sized(bytes, BIN_TAGS);
    this.byte(version);
    this.value(value);
  }

  /** Lengths up to `short` go into the tag itself. */
  #head(length: number, short: number, tag: number, tags: Tags): void {
    if (length <= short) this.byte(tag | length);
    else this.#sized(length, tags);
  }

  /** The tag of the smallest width that there is, then the number. */
  #sized(value: number, { tag8, tag16, tag32 }: Tags): void {
    if (value < 0x100 && tag8 !== undefined) {
      this.byte(tag8);
      this.byte(value);
    } else if (value < 0x1_0000) {
      this.byte(tag16);
      this.#at = this.bytes.writeUInt16BE(value, this.#at);
    } else {
      this.byte(tag32);
      this.#at = this.bytes.writeUInt32BE(value, this.#at);
    }
  }
}
