import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { isBlank, takeBlock } from "./block.ts";
import type { Block, BlockLimits } from "./block.ts";
import { LETTER_BYTES_MAX } from "./deadLetters.ts";
import type { Content } from "../follow/content.ts";
import { TRAIL_BYTES } from "../follow/trail.ts";

/** A line is at most so long: more than any record may have. */
export const LINE_BYTES_MAX: number = 16 << 20;
const READ_BYTES = 1 << 18;
/** Of a pipe less: what is there goes on its way before more comes. */
const STREAM_READ_BYTES = 1 << 16;
const LF = 0x0a;

/** A line that is too long to be held. */
export interface LongLine {
  readonly from: number;
  /** Where the next line begins. */
  readonly to: number;
  /** Its bytes without its end; of a line that is not waited for, those that were read. */
  readonly length: number;
  readonly sha256: string;
  /** As many of its first bytes as a dead letter holds. */
  readonly first: Uint8Array;
  /** Its last bytes with its end, as a trail needs them. */
  readonly last: Uint8Array;
  /** Whether its end was found, or the file ends with it. */
  readonly isWhole: boolean;
}

interface Skipping {
  readonly from: number;
  readonly first: Uint8Array;
  readonly hash: Hash;
  last: Uint8Array;
  length: number;
}

export interface ReaderOptions {
  /** Whether a line that is too long is read to its end, for a dead letter. */
  readonly waitsForEnd: boolean;
}

/**
 * Reads the lines of a content one after the other, in blocks. Nothing that it holds grows beyond a
 * line.
 */
export class BlockReader {
  readonly #content: Content;
  readonly #options: ReaderOptions;
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  /** Where `#held` begins. */
  #at: number;
  #skipping: Skipping | undefined;

  constructor(content: Content, from: number, options: ReaderOptions) {
    this.#content = content;
    this.#at = from;
    this.#options = options;
  }

  /** Where what was not returned yet begins. */
  get position(): number {
    return this.#skipping?.from ?? this.#at;
  }

  /** Whatever was not returned was not read: the file may have changed meanwhile. */
  forget(): void {
    if (this.#skipping === undefined) this.#held = new Uint8Array(0);
  }

  /**
   * Whether something without a line's end is there. Known once `next` has given undefined, and
   * until `forget`.
   */
  get hasRest(): boolean {
    return this.#skipping !== undefined || this.#held.length > 0;
  }

  /**
   * The next lines. With `isFinal` nothing more is coming, so what has no end is a line, too.
   * Undefined when there is no whole line: what there is of one then waits in `#held`.
   */
  async next(limits: BlockLimits, isFinal: boolean): Promise<Block | LongLine | undefined> {
    if (this.#skipping !== undefined) return this.#skip(this.#skipping, isFinal);
    let isEnd = false;
    for (;;) {
      const taken = takeBlock(this.#held, this.#at, limits, isFinal && isEnd);
      // One line, as a block of several is not so large.
      if ((taken?.block.bytes ?? this.#held).length > LINE_BYTES_MAX) return this.#tooLong(isFinal);
      if (taken !== undefined && (taken.isFull || isEnd || this.#held.length >= limits.maxBytes))
        return this.#give(taken.block);
      if (isEnd) return undefined;
      try {
        isEnd = await this.#fill();
      } catch (error) {
        // Whole lines that precede damage are good ones. What is thrown is thrown again.
        if (taken === undefined) throw error;
        return this.#give(taken.block);
      }
    }
  }

  /** True at the end of what there is now. */
  async #fill(): Promise<boolean> {
    const from = this.#at + this.#held.length;
    // Doubled for a long line, so that joining its parts is not the work.
    const least = this.#content.isStream ? STREAM_READ_BYTES : READ_BYTES;
    const wanted = Math.max(least, Math.min(this.#held.length, LINE_BYTES_MAX - this.#held.length));
    const before = this.#held.length;
    this.#held = await this.#content.readBehind(this.#held, from, from + wanted);
    const more = this.#held.length - before;
    // A stream may have ended by damage, which only the next read tells.
    return this.#content.isStream ? more === 0 : more < wanted;
  }

  #give(block: Block): Block {
    this.#at += block.bytes.length;
    this.#held = this.#held.subarray(block.bytes.length);
    return block;
  }

  #tooLong(isFinal: boolean): Promise<LongLine | undefined> {
    const hash = createHash("sha256");
    const first = Uint8Array.from(this.#held.subarray(0, LETTER_BYTES_MAX));
    this.#skipping = { from: this.#at, first, hash, last: first, length: 0 };
    return this.#skip(this.#skipping, isFinal);
  }

  async #skip(skipping: Skipping, isFinal: boolean): Promise<LongLine | undefined> {
    for (let isEnd = false; ; isEnd = await this.#fill()) {
      const found = this.#held.indexOf(LF);
      const end = found < 0 ? this.#held.length : found;
      skipping.hash.update(this.#held.subarray(0, end));
      skipping.length += end;
      const passed = found < 0 ? end : end + 1;
      const behind = this.#held.subarray(Math.max(0, passed - TRAIL_BYTES), passed);
      skipping.last = Buffer.concat([skipping.last, behind]).subarray(-TRAIL_BYTES);
      this.#at += passed;
      this.#held = this.#held.subarray(passed);
      const isWhole = found >= 0 || (isEnd && isFinal);
      if (isWhole || !this.#options.waitsForEnd) return this.#skipped(skipping, isWhole);
      if (isEnd) return undefined;
    }
  }

  #skipped(skipping: Skipping, isWhole: boolean): LongLine {
    this.#skipping = undefined;
    const { from, first, last, hash, length } = skipping;
    return { from, to: this.#at, length, sha256: hash.digest("hex"), first, last, isWhole };
  }
}

export function isLongLine(what: Block | LongLine): what is LongLine {
  return "isWhole" in what;
}

/** The first line that has something in it, of the first bytes of a file. */
export function firstLine(bytes: Uint8Array): string {
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(LF, at);
    const end = found < 0 ? bytes.length : found;
    if (!isBlank(bytes, at, end)) return new TextDecoder().decode(bytes.subarray(at, end));
    at = end + 1;
  }
  return "";
}
