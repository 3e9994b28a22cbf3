/** A run of whole lines of a file. */
export interface Block {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where it begins in the file. */
  readonly from: number;
  /** Lines that have something in them: what the log makes records of. */
  readonly records: number;
  /** Lines that the block ends, blank ones included. */
  readonly lineEnds: number;
}

export interface BlockLimits {
  /** A line that alone is larger is a block of its own. */
  readonly maxBytes: number;
  readonly maxRecords: number;
}

/** One line that has something in it, as a part of its block. */
export interface Line {
  /** Its number within the block, from 0, blank lines counted. */
  readonly number: number;
  readonly from: number;
  /** Where its end begins: LF, or CR and LF. */
  readonly to: number;
  /** Where the next line begins. */
  readonly next: number;
}

const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * Whether there is nothing in [from, to) but what the log passes over: spaces, tabs and carriage
 * returns.
 */
export function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false;
  }
  return true;
}

function beginsWithMark(bytes: Uint8Array): boolean {
  return BYTE_ORDER_MARK.every((byte, k) => bytes[k] === byte);
}

/** Bytes before the first line: a byte order mark is one at the beginning of a file only. */
function skipped(bytes: Uint8Array, from: number): number {
  return from === 0 && beginsWithMark(bytes) ? BYTE_ORDER_MARK.length : 0;
}

/**
 * The first lines of `bytes`, which lie at `from` in their file, up to a limit. With `isEnd`
 * nothing comes after them, so what has no end is a line, too. Undefined when there is no whole
 * line. `isFull` says that a limit ended the block.
 */
export function takeBlock(
  bytes: Uint8Array<ArrayBuffer>,
  from: number,
  { maxBytes, maxRecords }: BlockLimits,
  isEnd: boolean,
): { readonly block: Block; readonly isFull: boolean } | undefined {
  let at = 0;
  let records = 0;
  let lineEnds = 0;
  let isFull = false;
  const first = skipped(bytes, from);
  while (at < bytes.length) {
    const found = bytes.indexOf(LF, at);
    if (found < 0 && !isEnd) break;
    const next = found < 0 ? bytes.length : found + 1;
    const blank = isBlank(bytes, at === 0 ? first : at, found < 0 ? next : found);
    isFull = lineEnds > 0 && (next > maxBytes || (!blank && records === maxRecords));
    if (isFull) break;
    if (!blank) records++;
    lineEnds++;
    at = next;
  }
  if (lineEnds === 0) return undefined;
  return { block: { bytes: bytes.subarray(0, at), from, records, lineEnds }, isFull };
}

/** All lines of some bytes as one block, the last one with or without its end. */
export function blockOf(bytes: Uint8Array<ArrayBuffer>, from: number): Block {
  const everything = { maxBytes: Infinity, maxRecords: Infinity };
  const taken = takeBlock(bytes, from, everything, true);
  return taken?.block ?? { bytes, from, records: 0, lineEnds: 0 };
}

/**
 * What is sent of a block. The log takes a byte order mark at the beginning of any request for
 * none; within a file it is none.
 */
export function bodyOf({ bytes, from }: Block): Uint8Array<ArrayBuffer> {
  const skip = skipped(bytes, from);
  if (skip > 0) return bytes.subarray(skip);
  return beginsWithMark(bytes) ? Uint8Array.from([LF, ...bytes]) : bytes;
}

/** The lines of a block that have something in them, in the order in which the log counts them. */
export function linesOf({ bytes, from }: Block): readonly Line[] {
  const lines: Line[] = [];
  for (let at = 0, number = 0; at < bytes.length; number++) {
    const found = bytes.indexOf(LF, at);
    const next = found < 0 ? bytes.length : found + 1;
    const end = found < 0 ? next : found;
    if (!isBlank(bytes, at === 0 ? skipped(bytes, from) : at, end)) {
      const to = bytes[end - 1] === CR ? end - 1 : end;
      lines.push({ number, from: at, to, next });
    }
    at = next;
  }
  return lines;
}

/** A part of a block, from and to the beginning of lines. */
export function partOf(block: Block, from: number, to: number): Block {
  return blockOf(block.bytes.subarray(from, to), block.from + from);
}
