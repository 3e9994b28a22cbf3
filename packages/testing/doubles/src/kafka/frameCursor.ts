/** Reads the fields of a request one after the other. */
export class FrameCursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  int16(): number {
    this.#at += 2;
    return this.#bytes.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  text(): string {
    return this.#slice(this.int16()).toString("utf8");
  }

  blob(): Buffer {
    return this.#slice(this.int32());
  }

  skip(bytes: number): void {
    this.#at += bytes;
  }

  list<T>(item: () => T): readonly T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, item);
  }

  #slice(length: number): Buffer {
    const end = this.#at + Math.max(0, length);
    const slice = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }
}
