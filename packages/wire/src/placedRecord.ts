import { AnnalsError } from "@annals/record";

const SEQ = Buffer.from("\xa3seq", "latin1");
const RECORDED_AT = Buffer.from("\xaarecordedAt\xb8", "latin1");
/** Characters of a time such as `2026-11-22T10:00:00.000Z`; `0xb8` above says so. */
const TIME_BYTES = 24;
const HEAD_BYTES_MAX = 5 + 9;

/**
 * A stored record with its place in front, as a reader gets it in msgpack: `seq` and `recordedAt`, a time as `Date.toISOString` writes it,
 * become its first two fields. What is stored is copied, not decoded. Throws `ERR_RECORD_UNREADABLE`.
 */
export function placedRecord(seq: number, recordedAt: string, record: Uint8Array): Uint8Array {
  const { pairs, headBytes } = mapHead(record);
  const size = HEAD_BYTES_MAX + SEQ.length + RECORDED_AT.length + TIME_BYTES + record.length;
  const bytes = Buffer.allocUnsafe(size);
  let at = writeMapHead(bytes, pairs + 2);
  bytes.set(SEQ, at);
  at = writeUint(bytes, seq, at + SEQ.length);
  bytes.set(RECORDED_AT, at);
  at += RECORDED_AT.length;
  if (bytes.write(recordedAt, at, "latin1") !== TIME_BYTES)
    throw new RangeError(`${recordedAt} is no time of ${TIME_BYTES} characters`);
  at += TIME_BYTES;
  bytes.set(record.subarray(headBytes), at);
  return bytes.subarray(0, at + record.length - headBytes);
}

function mapHead(record: Uint8Array): { readonly pairs: number; readonly headBytes: number } {
  const [tag = 0, high = 0, low = 0] = record;
  if (tag >= 0x80 && tag <= 0x8f) return { pairs: tag & 0x0f, headBytes: 1 };
  if (tag === 0xde) return { pairs: (high << 8) | low, headBytes: 3 };
  // The scanner lets no record in that is anything else, or has more fields.
  const what = `a stored record of ${record.length} bytes is no map`;
  throw new AnnalsError("ERR_RECORD_UNREADABLE", what);
}

function writeMapHead(bytes: Buffer, pairs: number): number {
  if (pairs <= 15) return bytes.writeUInt8(0x80 | pairs, 0);
  bytes.writeUInt8(0xde, 0);
  return bytes.writeUInt16BE(pairs, 1);
}

function writeUint(bytes: Buffer, value: number, at: number): number {
  if (value < 0x80) return bytes.writeUInt8(value, at);
  if (value < 0x1_0000) return bytes.writeUInt16BE(value, bytes.writeUInt8(0xcd, at));
  if (value <= 0xffff_ffff) return bytes.writeUInt32BE(value, bytes.writeUInt8(0xce, at));
  return bytes.writeBigUInt64BE(BigInt(value), bytes.writeUInt8(0xcf, at));
}
