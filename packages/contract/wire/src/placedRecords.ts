import { AnnalsError } from "@annals/record";

/** `\xa3seq` */
const SEQ = 0xa3_73_65_71;
const SEQ_BYTES = 4;
const RECORDED_AT = Buffer.from("\xaarecordedAt\xb8", "latin1");
/** Characters of a time such as `2026-11-22T10:00:00.000Z`; `0xb8` above says so. */
const TIME_BYTES = 24;
/** The most that a record grows by: a longer map head, and its place. */
const PLACE_BYTES_MAX = 2 + SEQ_BYTES + 9 + RECORDED_AT.length + TIME_BYTES;
const FIRST_BYTES = 64 * 1024;

/**
 * Stored records with their places in front, one behind the other, as a reader gets them in msgpack: `seq` and `recordedAt`, a time as
 * `Date.toISOString` writes it, become the first two fields of each. What is stored is copied, not decoded, and nothing is allocated for a
 * single record but a view of it.
 */
export class PlacedRecords {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  /** `recordedAt` and its value: most records have the time of the one before, as they came in one batch. */
  readonly #time = Buffer.alloc(RECORDED_AT.length + TIME_BYTES);
  #timeMs = Number.NaN;

  /** Bytes of all of them. */
  get length(): number {
    return this.#length;
  }

  /**
   * `recordedAt` in ms since 1970. False if all would have more than `maxLength` bytes. Throws `ERR_RECORD_UNREADABLE`. Either way it has
   * added nothing then.
   */
  add(seq: number, recordedAt: number, record: Uint8Array, maxLength: number): boolean {
    const headBytes = mapHeadBytes(record);
    const pairs = 2 + pairsOf(record, headBytes);
    if (recordedAt !== this.#timeMs) this.#setTime(recordedAt);
    const placeBytes = (pairs <= 15 ? 1 : 3) + SEQ_BYTES + uintBytes(seq) + this.#time.length;
    if (this.#length + placeBytes + record.length - headBytes > maxLength) return false;
    this.#reserve(record.length + PLACE_BYTES_MAX);
    const [bytes, start] = [this.#bytes, this.#length];
    // First the record, whose own head then goes under the end of its place.
    bytes.set(record, start + placeBytes - headBytes);
    const at = bytes.writeUInt32BE(SEQ, writeMapHead(bytes, pairs, start));
    bytes.set(this.#time, writeUint(bytes, seq, at));
    this.#length = start + placeBytes + record.length - headBytes;
    return true;
  }

  /** All of them, in memory of its own. There is nothing here afterwards, and nothing may be added. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#bytes.buffer.transfer(this.#length));
    this.#length = 0;
    return bytes;
  }

  #setTime(recordedAt: number): void {
    const text = new Date(recordedAt).toISOString();
    if (text.length !== TIME_BYTES)
      throw new RangeError(`${text} is no time of ${TIME_BYTES} characters`);
    this.#time.set(RECORDED_AT);
    this.#time.write(text, RECORDED_AT.length, "latin1");
    this.#timeMs = recordedAt;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const size = Math.max(2 * this.#bytes.length, this.#length + bytes);
    this.#bytes = Buffer.from(this.#bytes.buffer.transfer(size));
  }
}

function mapHeadBytes(record: Uint8Array): 1 | 3 {
  const tag = record[0] ?? 0;
  if (tag >= 0x80 && tag <= 0x8f) return 1;
  if (tag === 0xde && record.length >= 3) return 3;
  // The scanner lets no record in that is anything else, or has more fields.
  const what = `a stored record of ${record.length} bytes is no map`;
  throw new AnnalsError("ERR_RECORD_UNREADABLE", what);
}

function pairsOf(record: Uint8Array, headBytes: 1 | 3): number {
  const [first = 0, high = 0, low = 0] = [record[0], record[1], record[2]];
  return headBytes === 1 ? first & 0x0f : (high << 8) | low;
}

function uintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x1_0000) return 3;
  return value <= 0xffff_ffff ? 5 : 9;
}

function writeMapHead(bytes: Buffer, pairs: number, at: number): number {
  if (pairs <= 15) return bytes.writeUInt8(0x80 | pairs, at);
  bytes.writeUInt8(0xde, at);
  return bytes.writeUInt16BE(pairs, at + 1);
}

function writeUint(bytes: Buffer, value: number, at: number): number {
  if (value < 0x80) return bytes.writeUInt8(value, at);
  if (value < 0x1_0000) return bytes.writeUInt16BE(value, bytes.writeUInt8(0xcd, at));
  if (value <= 0xffff_ffff) return bytes.writeUInt32BE(value, bytes.writeUInt8(0xce, at));
  return bytes.writeBigUInt64BE(BigInt(value), bytes.writeUInt8(0xcf, at));
}
