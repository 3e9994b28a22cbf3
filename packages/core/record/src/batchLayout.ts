/**
 * The bytes of a batch; integers big-endian, nothing padded:
 *
 *     u8   version                  1, or 2 if the records name blobs; 3 and 4 are these with a compressed body
 *     u64  firstSeq
 *     u32  count                    records, ≥ 1
 *     u64  recordedAt               ms since 1970
 *     u32  requests                 ≥ 1
 *     per request:  u32 count (≥ 1) · u8 idBytes (0: no producer, then nothing more)
 *                   [· id (UTF-8) · u64 epoch · u64 sequence · u64 fingerprint]
 *     version 2, 4: u32 blobs (≥ 1) · 32 × blobs         SHA-256 of each
 *     the body:     u32 end × count   where each record ends, counted from the start of the records
 *                   the records, one after the other, opaque
 *     version 3, 4: instead of the body, u32 bytes of it · what a compressor made of it
 *
 * The offset table lets a reader slice one record without looking at its neighbours. The head is never compressed: what numbers, applies
 * and finds batches reads nothing else.
 */
import type { BatchHeader, BatchRequest, ExpandBody, ProducerStamp } from "./batch.ts";
import { AnnalsError } from "./error.ts";
import { asSeq } from "./seq.ts";
import type { Seq } from "./seq.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

const BATCH_VERSION = 1;
const BATCH_VERSION_WITH_BLOBS = 2;
/** What a compressed body adds to the version. */
const COMPRESSED = 2;
/** The newest version of a batch that this build writes and reads. */
export const BATCH_VERSION_MAX: number = BATCH_VERSION_WITH_BLOBS + COMPRESSED;
/** Bytes that one blob adds to a batch. */
export const BLOB_DIGEST_BYTES = 32;
const FIXED_BYTES = 1 + 8 + 4 + 8 + 4;
const REQUEST_BYTES_MIN = 4 + 1;
const STAMP_BYTES = 8 + 8 + 8;
export const PRODUCER_ID_BYTES_MAX = 64;

/** Bytes that a batch of this header needs beside the records themselves. */
export function batchOverheadBytes(header: BatchHeader): number {
  let bytes = FIXED_BYTES + 4 * header.count;
  for (const request of header.requests) {
    bytes += REQUEST_BYTES_MIN;
    if (request.producer !== undefined)
      bytes += producerIdBytes(request.producer).length + STAMP_BYTES;
  }
  const blobs = header.blobs?.length ?? 0;
  return blobs === 0 ? bytes : bytes + 4 + BLOB_DIGEST_BYTES * blobs;
}

/** The same batch with its body compressed, or itself if that would not be smaller. What `compress` does a reader must undo. */
export function compressBatch(
  bytes: Uint8Array,
  compress: (body: Uint8Array) => Uint8Array,
): Uint8Array {
  const reader = new BatchReader(bytes);
  const { compressed } = readHead(reader, bytes);
  if (compressed) return bytes;
  const { at } = reader;
  const body = bytes.subarray(at);
  const packed = compress(body);
  const size = at + 4 + packed.length;
  if (size >= bytes.length) return bytes;
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, at));
  result[0] = (bytes[0] ?? 0) + COMPRESSED;
  new DataView(result.buffer).setUint32(at, body.length);
  result.set(packed, at + 4);
  return result;
}

/** Throws a RangeError on a header that contradicts itself or the records: that is a bug of the caller. */
export function encodeBatch(header: BatchHeader, records: readonly Uint8Array[]): Uint8Array {
  assertHeader(header, records.length);
  let size = batchOverheadBytes(header);
  for (const record of records) size += record.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const blobs = header.blobs ?? [];
  bytes[0] = blobs.length === 0 ? BATCH_VERSION : BATCH_VERSION_WITH_BLOBS;
  view.setBigUint64(1, BigInt(header.firstSeq));
  view.setUint32(9, header.count);
  view.setBigUint64(13, BigInt(header.recordedAt));
  view.setUint32(21, header.requests.length);
  let at = FIXED_BYTES;
  for (const request of header.requests) at = putRequest(bytes, view, at, request);
  if (blobs.length > 0) at = putBlobs(bytes, view, at, blobs);
  const recordsAt = at + 4 * header.count;
  let end = 0;
  for (const record of records) {
    bytes.set(record, recordsAt + end);
    end += record.length;
    view.setUint32(at, end);
    at += 4;
  }
  return bytes;
}

function assertHeader(header: BatchHeader, records: number): void {
  let requested = 0;
  for (const request of header.requests) {
    if (!Number.isSafeInteger(request.count) || request.count < 1)
      throw new RangeError(`a request of ${request.count} records`);
    requested += request.count;
  }
  if (records < 1 || records !== header.count || requested !== header.count)
    throw new RangeError(
      `batch of ${records} records, header ${header.count}, requests ${requested}`,
    );
  if (!Number.isSafeInteger(header.recordedAt) || header.recordedAt < 0)
    throw new RangeError(`recordedAt ${header.recordedAt}`);
  if (header.firstSeq < 1) throw new RangeError(`firstSeq ${header.firstSeq}`);
}

function producerIdBytes(producer: ProducerStamp): Uint8Array {
  const id = encodeUtf8(producer.id);
  if (id === undefined || id.length < 1 || id.length > PRODUCER_ID_BYTES_MAX)
    throw new RangeError(`a producer id must have 1 to ${PRODUCER_ID_BYTES_MAX} bytes of UTF-8`);
  return id;
}

function putRequest(bytes: Uint8Array, view: DataView, at: number, request: BatchRequest): number {
  view.setUint32(at, request.count);
  if (request.producer === undefined) {
    bytes[at + 4] = 0;
    return at + REQUEST_BYTES_MIN;
  }
  const { epoch, sequence, fingerprint } = request.producer;
  const id = producerIdBytes(request.producer);
  bytes[at + 4] = id.length;
  bytes.set(id, at + REQUEST_BYTES_MIN);
  const stampAt = at + REQUEST_BYTES_MIN + id.length;
  view.setBigUint64(stampAt, BigInt(epoch));
  view.setBigUint64(stampAt + 8, BigInt(sequence));
  view.setBigUint64(stampAt + 16, BigInt(fingerprint));
  return stampAt + STAMP_BYTES;
}

function putBlobs(bytes: Uint8Array, view: DataView, at: number, blobs: readonly string[]): number {
  view.setUint32(at, blobs.length);
  let end = at + 4;
  for (const blob of blobs) {
    if (!/^[0-9a-f]{64}$/.test(blob)) throw new RangeError(`"${blob}" is no SHA-256`);
    for (let k = 0; k < BLOB_DIGEST_BYTES; k++)
      bytes[end + k] = Number.parseInt(blob.slice(2 * k, 2 * k + 2), 16);
    end += BLOB_DIGEST_BYTES;
  }
  return end;
}

export function malformedBatch(what: string, offset: number): AnnalsError {
  return new AnnalsError("ERR_BATCH_MALFORMED", `malformed batch: ${what} at byte ${offset}`, {
    details: { offset },
  });
}

/** Bounds-checked reads over untrusted bytes. */
class BatchReader {
  readonly view: DataView;
  at = 0;
  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  need(bytes: number): void {
    if (this.at + bytes > this.view.byteLength) throw malformedBatch("truncated", this.at);
  }
  u8(): number {
    this.need(1);
    return this.view.getUint8(this.at++);
  }
  u32(): number {
    this.need(4);
    this.at += 4;
    return this.view.getUint32(this.at - 4);
  }
  u64(): number {
    this.need(8);
    const value = this.view.getUint32(this.at) * 0x1_0000_0000 + this.view.getUint32(this.at + 4);
    if (!Number.isSafeInteger(value)) throw malformedBatch("integer out of range", this.at);
    this.at += 8;
    return value;
  }
}

/** The seqs of a batch, read from its fixed head only: O(1), and enough for an index. */
export function batchSeqRange(bytes: Uint8Array): {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
} {
  const reader = new BatchReader(bytes);
  const { firstSeq, count } = readFixed(reader);
  return { firstSeq, lastSeq: asSeq(firstSeq + count - 1) };
}

function readFixed(reader: BatchReader): {
  readonly hasBlobs: boolean;
  readonly compressed: boolean;
  readonly firstSeq: Seq;
  readonly count: number;
  readonly recordedAt: number;
  readonly requests: number;
} {
  const version = reader.u8();
  if (version < BATCH_VERSION || version > BATCH_VERSION_MAX) {
    throw new AnnalsError(
      "ERR_BATCH_VERSION",
      `batch version ${version}, this build reads ${BATCH_VERSION} to ${BATCH_VERSION_MAX}`,
      { details: { version } },
    );
  }
  const hasBlobs = namesBlobs(version);
  const compressed = version > COMPRESSED;
  const firstSeq = reader.u64();
  const count = reader.u32();
  if (firstSeq < 1 || count < 1 || !Number.isSafeInteger(firstSeq + count))
    throw malformedBatch("seq range", 1);
  const recordedAt = reader.u64();
  const requests = reader.u32();
  return { hasBlobs, compressed, firstSeq: asSeq(firstSeq), count, recordedAt, requests };
}

function namesBlobs(version: number | undefined): boolean {
  return version === BATCH_VERSION_WITH_BLOBS || version === BATCH_VERSION_MAX;
}

function readRequest(reader: BatchReader, bytes: Uint8Array): BatchRequest {
  const at = reader.at;
  const count = reader.u32();
  if (count < 1) throw malformedBatch("a request without records", at);
  const idBytes = reader.u8();
  if (idBytes === 0) return { count, producer: undefined };
  if (idBytes > PRODUCER_ID_BYTES_MAX) throw malformedBatch("producer id too long", at);
  reader.need(idBytes);
  const id = decodeUtf8(bytes, reader.at, reader.at + idBytes);
  if (id === undefined) throw malformedBatch("producer id is no UTF-8", reader.at);
  reader.at += idBytes;
  const [epoch, sequence, fingerprint] = [reader.u64(), reader.u64(), reader.u64()];
  return { count, producer: { id, epoch, sequence, fingerprint } };
}

interface Head {
  readonly header: BatchHeader;
  readonly compressed: boolean;
}

function readHead(reader: BatchReader, bytes: Uint8Array): Head {
  const fixed = readFixed(reader);
  // A request takes five bytes at least: a count beyond that is refused before anything is allocated for it.
  if (fixed.requests > (bytes.length - reader.at) / REQUEST_BYTES_MIN)
    throw malformedBatch("more requests than bytes", reader.at);
  const requests: BatchRequest[] = [];
  let requested = 0;
  for (let k = 0; k < fixed.requests; k++) {
    const request = readRequest(reader, bytes);
    requested += request.count;
    requests.push(request);
  }
  if (requested !== fixed.count)
    throw malformedBatch("requests do not sum up to the count", reader.at);
  const { firstSeq, count, recordedAt, hasBlobs, compressed } = fixed;
  const header = { firstSeq, count, recordedAt, requests };
  if (!hasBlobs) return { header, compressed };
  return { header: { ...header, blobs: readBlobs(reader, bytes) }, compressed };
}

function readBlobs(reader: BatchReader, bytes: Uint8Array): readonly string[] {
  const at = reader.at;
  const count = reader.u32();
  if (count < 1) throw malformedBatch("a batch of version 2 or 4 without blobs", at);
  reader.need(BLOB_DIGEST_BYTES * count);
  const blobs: string[] = [];
  for (let k = 0; k < count; k++) {
    const from = reader.at;
    reader.at += BLOB_DIGEST_BYTES;
    blobs.push(hexOf(bytes, from, reader.at));
  }
  return blobs;
}

function hexOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += (bytes[at] ?? 0).toString(16).padStart(2, "0");
  return text;
}

/** The blobs that a batch names, read from its head; nothing is allocated when there are none. Throws like `decodeBatchHeader`. */
export function batchBlobs(bytes: Uint8Array): readonly string[] {
  if (!namesBlobs(bytes[0])) return NO_BLOBS;
  return decodeBatchHeader(bytes).blobs ?? NO_BLOBS;
}

const NO_BLOBS: readonly string[] = [];

/** Reads the head and nothing else. The bytes may be untrusted: throws `ERR_BATCH_MALFORMED` or `ERR_BATCH_VERSION`. */
export function decodeBatchHeader(bytes: Uint8Array): BatchHeader {
  return readHead(new BatchReader(bytes), bytes).header;
}

/** The head of a batch and its body as it was before it was compressed. `expand` gives exactly `size` bytes or throws. */
export function readBatch(
  bytes: Uint8Array,
  expand: ExpandBody,
): { readonly header: BatchHeader; readonly body: Uint8Array } {
  const reader = new BatchReader(bytes);
  const { header, compressed } = readHead(reader, bytes);
  if (!compressed) return { header, body: bytes.subarray(reader.at) };
  const size = reader.u32();
  return { header, body: expand(bytes.subarray(reader.at), size) };
}
