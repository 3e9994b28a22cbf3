import { letGo } from "@annals/wire";

const FIN = 0x80;
const OPCODE_MORE = 0;
const OPCODE_BINARY = 2;
const FIRST_BYTES = 256 * 1024;
const MESSAGE_BYTES_MAX = 256 * 2 ** 20;
const HEADER_BYTES_MAX = 10;

export interface FrameHandlers {
  /** A whole message: a view, valid until this returns. */
  readonly onMessage: (payload: Buffer) => void;
  /** Pings, pongs, closes, and what is none of ours; the same. */
  readonly onControl: (first: number, payload: Buffer) => void;
  /** A message larger than any that this client could want. */
  readonly onTooLarge: () => void;
}

/**
 * Takes what a socket brings apart into messages, in one buffer that is used again and again: a client that left a buffer of each read and
 * of each message to the garbage collector would take more CPU than the server that is measured.
 */
export class FrameReader {
  readonly #handlers: FrameHandlers;
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  /** What was received and is not done with: [start, end). Before `at` are frames of a message that is not whole yet. */
  #start = 0;
  #at = 0;
  #end = 0;
  /** Bytes that must be there from `at` on before it is worth looking again. */
  #needBytes = 2;
  /** Payloads of a message in several frames, as places after `start`. */
  #parts: { readonly from: number; readonly to: number }[] = [];

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** Takes the chunk over; it is read later. */
  take(chunk: Buffer): void {
    this.#reserve(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
    letGo(chunk);
  }

  /** Hands on the frames that are whole. */
  read(): void {
    while (this.#end - this.#at >= this.#needBytes && this.#takeFrame());
    if (this.#parts.length === 0) this.#start = this.#at;
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return;
    const kept = this.#end - this.#start;
    const old = this.#bytes;
    if (kept + bytes > old.length)
      this.#bytes = Buffer.allocUnsafeSlow(Math.max(2 * old.length, kept + bytes));
    old.copy(this.#bytes, 0, this.#start, this.#end);
    this.#at -= this.#start;
    this.#end = kept;
    this.#start = 0;
  }

  /** Handles the next frame if it is whole; else says how much is missing. */
  #takeFrame(): boolean {
    const [bytes, at] = [this.#bytes, this.#at];
    const short = bytes.readUInt8(at + 1);
    const headBytes = short === 127 ? HEADER_BYTES_MAX : short === 126 ? 4 : 2;
    this.#needBytes = headBytes;
    if (this.#end - at < headBytes) return false;
    const length =
      short === 127
        ? Number(bytes.readBigUInt64BE(at + 2))
        : short === 126
          ? bytes.readUInt16BE(at + 2)
          : short;
    if (length > MESSAGE_BYTES_MAX) {
      this.#handlers.onTooLarge();
      this.#needBytes = Number.POSITIVE_INFINITY;
      return false;
    }
    this.#needBytes = headBytes + length;
    if (this.#end - at < this.#needBytes) return false;
    this.#at += this.#needBytes;
    this.#needBytes = 2;
    this.#frame(bytes.readUInt8(at), at + headBytes, this.#at);
    return true;
  }

  #frame(first: number, from: number, to: number): void {
    const { onMessage, onControl } = this.#handlers;
    switch (first) {
      case FIN | OPCODE_BINARY:
        onMessage(this.#bytes.subarray(from, to));
        return;
      case OPCODE_BINARY:
        this.#start = from;
        this.#parts = [{ from: 0, to: to - from }];
        return;
      case OPCODE_MORE:
        this.#parts.push({ from: from - this.#start, to: to - this.#start });
        return;
      case FIN | OPCODE_MORE: {
        const begin = this.#close(from);
        this.#parts = [];
        onMessage(this.#bytes.subarray(begin, to));
        return;
      }
      default:
        onControl(first, this.#bytes.subarray(from, to));
    }
  }

  /** Moves the parts of a message to its last one, which begins at `at`; returns where it begins then. The last part is the long one. */
  #close(at: number): number {
    let begin = at;
    for (const { from, to } of this.#parts.toReversed()) {
      begin -= to - from;
      this.#bytes.copyWithin(begin, this.#start + from, this.#start + to);
    }
    return begin;
  }
}
