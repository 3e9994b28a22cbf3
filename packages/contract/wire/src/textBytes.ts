const FIRST_BYTES = 16 * 1024;
/** What stands around the records of a page. */
const SLACK_BYTES = 1024;
/** Up to here a loop copies faster than a view is made. */
const LOOP_BYTES_MAX = 48;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What stands behind the backslash of an escape of two characters, by the byte that is escaped; `u` needs four digits more. */
const ESCAPES: readonly string[] = Array.from({ length: BACKSLASH + 1 }, (_, byte) => {
  if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) return "";
  return JSON.stringify(String.fromCharCode(byte)).slice(1, -1);
});

/** Where a JSON text goes, part by part; all in ASCII or UTF-8. */
export interface TextSink {
  byte(value: number): void;
  ascii(text: string): void;
  run(source: Uint8Array, from: number, to: number): void;
  base64(source: Uint8Array, from: number, to: number): void;
  /** The string whose UTF-8 is [from, to), in quotes, escaped as `JSON.stringify` does. */
  string(source: Uint8Array, from: number, to: number): void;
}

/** Only counts the bytes. */
export class TextLength implements TextSink {
  length = 0;

  byte(): void {
    this.length += 1;
  }

  ascii(text: string): void {
    this.length += text.length;
  }

  run(_source: Uint8Array, from: number, to: number): void {
    this.length += to - from;
  }

  base64(_source: Uint8Array, from: number, to: number): void {
    this.length += 4 * Math.ceil((to - from) / 3);
  }

  string(source: Uint8Array, from: number, to: number): void {
    this.length += 2 + to - from;
    for (let at = from; at < to; at++) {
      const escape = ESCAPES[source[at] ?? 0] ?? "";
      if (escape !== "") this.length += escape.length - 1;
    }
  }
}

/** There was no room for what had to be written. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";
}

/** UTF-8 of a JSON text that grows up to a limit. */
export class TextBytes implements TextSink {
  /** Bytes of all of it; what would make more throws `NoRoom`. */
  limit: number = Number.POSITIVE_INFINITY;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Makes a buffer for so many bytes more and a little around them, if they do not fit: none is made while they are written. */
  expect(bytes: number): void {
    const needed = this.#length + bytes + SLACK_BYTES;
    if (needed > this.#bytes.length && needed <= this.limit) this.#resize(needed);
  }

  /** Takes back what was written since there were `length` bytes. */
  cutTo(length: number): void {
    this.#length = length;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
  }

  /** A short text of ASCII. */
  ascii(text: string): void {
    const at = this.#reserve(text.length);
    for (let k = 0; k < text.length; k++) this.#bytes[at + k] = text.charCodeAt(k);
  }

  run(source: Uint8Array, from: number, to: number): void {
    const at = this.#reserve(to - from);
    if (to - from > LOOP_BYTES_MAX) {
      this.#bytes.set(source.subarray(from, to), at);
      return;
    }
    for (let k = from; k < to; k++) this.#bytes[at + k - from] = source[k] ?? 0;
  }

  base64(source: Uint8Array, from: number, to: number): void {
    const text = Buffer.from(source.buffer, source.byteOffset + from, to - from).toString("base64");
    const at = this.#reserve(text.length);
    this.#bytes.write(text, at, "latin1");
  }

  string(source: Uint8Array, from: number, to: number): void {
    this.byte(QUOTE);
    let start = from;
    for (let at = from; at < to; at++) {
      const byte = source[at] ?? 0;
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) continue;
      this.run(source, start, at);
      this.ascii(ESCAPES[byte] ?? "");
      start = at + 1;
    }
    this.run(source, start, to);
    this.byte(QUOTE);
  }

  /** All of it, in memory of its own. There is nothing here afterwards, and nothing may be written. */
  take(): Uint8Array<ArrayBuffer> {
    const { buffer, length: room } = this.#bytes;
    const length = this.#length;
    this.#length = 0;
    // Another size means another copy.
    const isTight = room - length <= SLACK_BYTES;
    return isTight ? new Uint8Array(buffer, 0, length) : new Uint8Array(buffer.transfer(length));
  }

  /** Returns where to write. Comes before any look at the buffer: it may replace it. */
  #reserve(bytes: number): number {
    const at = this.#length;
    if (at + bytes > this.limit) throw new NoRoom();
    if (at + bytes > this.#bytes.length) {
      const doubled = Math.min(2 * this.#bytes.length, this.limit);
      this.#resize(Math.max(doubled, at + bytes));
    }
    this.#length = at + bytes;
    return at;
  }

  #resize(bytes: number): void {
    this.#bytes = Buffer.from(this.#bytes.buffer.transfer(bytes));
  }
}
