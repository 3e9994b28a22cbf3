const SCRATCH_BYTES = 16 * 1024;
const UTF8 = new TextEncoder();

/** Counts the bytes that texts take in UTF-8, in memory that is made once: a text is never encoded as a whole. */
export class TextSize {
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  bytesOf(text: string): number {
    let bytes = 0;
    for (let at = 0; at < text.length; ) {
      const rest = at === 0 ? text : text.slice(at);
      const { read, written } = UTF8.encodeInto(rest, this.#scratch);
      bytes += written;
      at += read;
    }
    return bytes;
  }
}
