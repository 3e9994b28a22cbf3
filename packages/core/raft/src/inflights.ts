import { invariant } from "./invariant.ts";
import { asIndex, type LogIndex } from "./types.ts";

const FIRST_CAPACITY = 4;

/**
 * The AppendEntries messages with entries that a follower has not acknowledged: a sliding window, bounded in messages and in payload
 * bytes. The byte bound is soft by one message: the one that reaches it is still sent. A ring that grows on demand up to the cap.
 */
export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #start = 0;
  #count = 0;
  #bytes = 0;
  #lastIndexes: LogIndex[] = [];
  #sizes: number[] = [];

  /** `bytesMax` 0 means no bound in bytes. */
  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  full(): boolean {
    return (
      this.#count >= this.#messagesMax || (this.#bytesMax !== 0 && this.#bytes >= this.#bytesMax)
    );
  }

  /** A message whose last entry is `lastIndex` was sent. Indexes rise from call to call; the window must not be at its message cap. */
  add(lastIndex: LogIndex, bytes: number): void {
    invariant(
      this.#count < this.#messagesMax,
      `added to a full window of ${this.#messagesMax} messages`,
    );
    if (this.#count === this.#lastIndexes.length) this.#grow();
    const slot = (this.#start + this.#count) % this.#lastIndexes.length;
    this.#lastIndexes[slot] = lastIndex;
    this.#sizes[slot] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** Everything up to `index` is acknowledged: frees the messages whose last entry is at or below. */
  freeUpTo(index: LogIndex): void {
    const capacity = this.#lastIndexes.length;
    while (this.#count > 0 && (this.#lastIndexes[this.#start] ?? 0) <= index) {
      this.#bytes -= this.#sizes[this.#start] ?? 0;
      this.#start = (this.#start + 1) % capacity;
      this.#count -= 1;
    }
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  #grow(): void {
    const indexes: LogIndex[] = [];
    const sizes: number[] = [];
    const capacity = this.#lastIndexes.length;
    for (let i = 0; i < this.#count; i += 1) {
      const slot = (this.#start + i) % capacity;
      const index = this.#lastIndexes[slot];
      invariant(index !== undefined, `slot ${slot} of the window is empty`);
      indexes.push(index);
      sizes.push(this.#sizes[slot] ?? 0);
    }
    const grown = Math.max(FIRST_CAPACITY, Math.min(capacity * 2, this.#messagesMax));
    // Filler: never read before it is overwritten, as #count says how many slots are live.
    while (indexes.length < grown) {
      indexes.push(indexes[0] ?? asIndex(0));
      sizes.push(0);
    }
    this.#lastIndexes = indexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
