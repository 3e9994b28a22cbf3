export interface BodyBufferLimits {
  /** Bytes that the buffer may hold; who appends checks it. */
  readonly maxBytes: number;
  /** Told before the buffer grows to `bytes`. May throw: then it does not grow. */
  readonly onGrow?: (bytes: number) => void;
}

const GROW_BYTES = 256 * 1024;
const GROW_BYTES_MIN = 4 * 1024;
/** Above this the result stays in the buffer that it grew in; below, a copy costs little and such buffers are read faster. */
const COPY_BYTES_MAX = 256 * 1024;

/**
 * A body of unknown length. It grows in place: its pages are reserved at the cap and become memory when they are written, so that there is
 * never a second copy, and no list of chunks to be joined.
 */
export class BodyBuffer {
  readonly #limits: BodyBufferLimits;
  readonly #buffer: ArrayBuffer;
  #bytes = 0;

  constructor(limits: BodyBufferLimits) {
    this.#limits = limits;
    this.#buffer = new ArrayBuffer(0, { maxByteLength: limits.maxBytes });
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** Throws a RangeError beyond `maxBytes`. */
  append(chunk: Uint8Array): void {
    const bytes = this.#bytes + chunk.byteLength;
    if (bytes > this.#buffer.byteLength) this.#grow(bytes);
    new Uint8Array(this.#buffer, this.#bytes, chunk.byteLength).set(chunk);
    this.#bytes = bytes;
  }

  /** A copy of the first bytes, at most so many. */
  head(bytes: number): Uint8Array {
    return new Uint8Array(this.#buffer, 0, Math.min(bytes, this.#bytes)).slice();
  }

  #grow(bytes: number): void {
    // Doubled while it is small, so that many small bodies hold little; later by an eighth, so that a large one holds little too much.
    const step = Math.max(GROW_BYTES_MIN, Math.min(bytes, GROW_BYTES), bytes >> 3);
    const next = Math.max(bytes, Math.min(bytes + step, this.#limits.maxBytes));
    this.#limits.onGrow?.(next);
    this.#buffer.resize(next);
  }

  /** What was appended, in a buffer of its own size. The BodyBuffer may not be used any more. */
  take(): Uint8Array {
    this.#buffer.resize(this.#bytes);
    const whole = new Uint8Array(this.#buffer, 0, this.#bytes);
    return this.#bytes <= COPY_BYTES_MAX ? Uint8Array.from(whole) : whole;
  }
}
