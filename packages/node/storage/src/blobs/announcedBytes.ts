/** Bytes that were announced to a disk and are not in its files yet: whoever asks how much is free must take them off. */
export class AnnouncedBytes {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  announce(bytes: number): Announcement {
    this.#bytes += bytes;
    return new Announcement(bytes, (gone) => (this.#bytes -= gone));
  }
}

/** What one writer has announced. */
export class Announcement {
  #left: number;
  readonly #take: (bytes: number) => void;

  constructor(bytes: number, take: (bytes: number) => void) {
    this.#left = bytes;
    this.#take = take;
  }

  /** So many bytes more are in the file, of which the file system speaks from now on. */
  written(bytes: number): void {
    const gone = Math.min(bytes, this.#left);
    this.#left -= gone;
    this.#take(gone);
  }

  /** Nothing more comes. Idempotent. */
  end(): void {
    this.written(this.#left);
  }
}
