import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** A dead letter holds so much of its line; what is behind is in the file that it names. */
export const LETTER_BYTES_MAX: number = 1 << 20;

/** A line that the log does not take, and why. */
export interface DeadLetter {
  readonly file: string;
  readonly line: number;
  /** Where the line begins in the file, decompressed. */
  readonly byte: number;
  readonly code: string;
  readonly reason: string;
  /** Bytes of the line without its end, and their SHA-256 in hexadecimal. */
  readonly length: number;
  readonly sha256: string;
  /** The line, or its beginning if `cut`; exactly one of the two is there. */
  readonly text?: string;
  /** The same of a line that is not UTF-8. */
  readonly base64?: string;
  readonly cut?: true;
}

/** What a dead letter says of the bytes of a line. */
export type LetterBytes = Pick<DeadLetter, "length" | "sha256" | "text" | "base64" | "cut">;

export function letterBytes(line: Uint8Array): LetterBytes {
  const sha256 = createHash("sha256").update(line).digest("hex");
  return cutBytes(line.subarray(0, LETTER_BYTES_MAX), line.length, sha256);
}

/** Of a line of `length` bytes, of which `first` are the first. */
export function cutBytes(first: Uint8Array, length: number, sha256: string): LetterBytes {
  const isCut = first.length < length;
  const cut = isCut ? ({ cut: true } as const) : {};
  // A cut may go through a character, which has four bytes at most.
  for (let short = 0; short <= (isCut ? 3 : 0); short++) {
    const bytes = first.subarray(0, first.length - short);
    if (!isUtf8(bytes)) continue;
    return { length, sha256, text: Buffer.from(bytes).toString("utf8"), ...cut };
  }
  return { length, sha256, base64: Buffer.from(first).toString("base64"), ...cut };
}

/**
 * Durable when it resolves. After a crash the same letter may be written once more; file and byte
 * tell.
 */
export async function writeDeadLetter(path: string, letter: DeadLetter): Promise<void> {
  const file = await open(path, "a", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(letter)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
}
