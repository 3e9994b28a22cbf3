/** Up to here a loop copies faster than a view is made. */
const LOOP_BYTES_MAX = 48;

/** A byte buffer that doubles; the owner bounds how far. */
export class GrowingBytes {
  #bytes: Uint8Array = new Uint8Array(1024);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Drops what was written; the memory stays. */
  reset(): void {
    this.#length = 0;
  }

  /** Returns where to write. Comes before any look at the buffer or its view: it may replace both. */
  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#bytes.length, at + bytes));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.#length = at + bytes;
    return at;
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value);
  }

  i64(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  f64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setFloat64(at, value);
  }

  bytes(source: Uint8Array, from: number, to: number): void {
    const at = this.#reserve(to - from);
    if (to - from > LOOP_BYTES_MAX) {
      this.#bytes.set(source.subarray(from, to), at);
      return;
    }
    for (let k = from; k < to; k++) this.#bytes[at + k - from] = source[k] ?? 0;
  }

  /** Makes room for `bytes` bytes at `at`, moving what is behind. */
  insert(at: number, bytes: number): void {
    const end = this.#length;
    this.#reserve(bytes);
    this.#bytes.copyWithin(at + bytes, at, end);
  }

  /** Overwrites a byte that was written before. */
  set(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** A view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
