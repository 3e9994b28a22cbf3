import { letGo } from "@annals/wire";

/**
 * What a connection reads, 64 KiB at a time, until ws has copied it into a message. Left to the garbage collector it would make it look at
 * everything else again and again.
 *
 * When a message is whole, ws needs nothing of what was read before the chunk that has completed it: a message out of several chunks is a
 * copy, and one out of a single chunk is a view of that.
 */
export class ReadChunks {
  #held: Uint8Array[] = [];
  /** Buffers that were handed on as they are while the chunk of now is being read. */
  #handedOn: ArrayBufferLike[] = [];

  /** A message has come, and was handed on as `bytes`. Called before `read` is, for the chunk that has completed it. */
  message({ buffer }: Uint8Array): void {
    for (const chunk of this.#held) if (chunk.buffer !== buffer) letGo(chunk);
    this.#held = [];
    this.#handedOn.push(buffer);
  }

  /** ws has taken a chunk. */
  read(chunk: Uint8Array): void {
    if (!this.#handedOn.includes(chunk.buffer)) this.#held.push(chunk);
    this.#handedOn = [];
  }

  /** The connection is gone: the rest is left to V8. */
  close(): void {
    this.#held = [];
    this.#handedOn = [];
  }
}
