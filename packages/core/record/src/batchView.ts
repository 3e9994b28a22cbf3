import type { BatchHeader, ExpandBody } from "./batch.ts";
import { malformedBatch, readBatch } from "./batchLayout.ts";
import { asSeq } from "./seq.ts";
import type { Seq } from "./seq.ts";

/** A checked batch over bytes that it does not copy, unless they are compressed; records come out as subarrays. */
export class BatchView {
  readonly header: BatchHeader;
  readonly #body: Uint8Array;
  /** Where each record ends, at the beginning of the body. */
  readonly #ends: DataView;

  /** Checks the head and the whole offset table. Throws `ERR_BATCH_MALFORMED` or `ERR_BATCH_VERSION`. */
  constructor(bytes: Uint8Array, expand: ExpandBody) {
    const { header, body } = readBatch(bytes, expand);
    this.header = header;
    this.#body = body;
    const { count } = header;
    if (4 * count > body.length) throw malformedBatch("truncated", bytes.length);
    this.#ends = new DataView(body.buffer, body.byteOffset, 4 * count);
    let previous = 0;
    for (let k = 0; k < count; k++) {
      const end = this.#ends.getUint32(4 * k);
      if (end < previous) throw malformedBatch("record ends fall", bytes.length - body.length);
      previous = end;
    }
    if (4 * count + previous !== body.length)
      throw malformedBatch("records end elsewhere than the bytes", bytes.length - body.length);
  }

  get firstSeq(): Seq {
    return this.header.firstSeq;
  }

  get lastSeq(): Seq {
    return asSeq(this.header.firstSeq + this.header.count - 1);
  }

  /** Record `position` in [0, count), as a view of the batch. */
  record(position: number): Uint8Array {
    const { count } = this.header;
    if (!Number.isInteger(position) || position < 0 || position >= count)
      throw new RangeError(`record ${position} of ${count}`);
    const from = position === 0 ? 0 : this.#ends.getUint32(4 * (position - 1));
    const to = this.#ends.getUint32(4 * position);
    return this.#body.subarray(4 * count + from, 4 * count + to);
  }

  /** The record with this seq, or undefined if it is not in the batch. */
  recordOfSeq(seq: Seq): Uint8Array | undefined {
    const position = seq - this.header.firstSeq;
    return position >= 0 && position < this.header.count ? this.record(position) : undefined;
  }
}
