/** Of a shared buffer, at most. */
export const SLAB_BYTES: number = 64 * 1024;
/** Longer runs have a buffer of their own: what is left over of a shared one when a run does not fit is less than an eighth of it. */
const SHARED_BYTES_MAX = SLAB_BYTES / 8;

/**
 * Copies of byte runs, many to a buffer: a buffer of its own costs more than a run of some hundred bytes, when it is made and again when
 * it is collected. A run keeps the whole of its buffer in memory.
 */
export class Slabs {
  readonly #leastBytes: number;
  #slab: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Shared buffers have at least `leastBytes`, for runs of which nobody knows how many will follow. */
  constructor(leastBytes = 0) {
    this.#leastBytes = leastBytes;
  }

  /** `ahead`: about how many bytes of further runs will follow; no buffer is made for more. */
  copy(run: Uint8Array, ahead: number): Uint8Array {
    const { length } = run;
    if (length > SHARED_BYTES_MAX) return run.slice();
    if (this.#used + length > this.#slab.length) {
      const wanted = Math.max(length + ahead, this.#leastBytes);
      this.#slab = new Uint8Array(Math.min(wanted, SLAB_BYTES));
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    this.#slab.set(run, from);
    return this.#slab.subarray(from, this.#used);
  }
}
