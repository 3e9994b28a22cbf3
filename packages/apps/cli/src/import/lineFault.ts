import { ClientError } from "@annals/client";
import { linesOf, partOf } from "./block.ts";
import type { Block } from "./block.ts";
import { cutBytes, letterBytes } from "./deadLetters.ts";
import type { LetterBytes } from "./deadLetters.ts";
import { LINE_BYTES_MAX } from "./blockReader.ts";
import type { LongLine } from "./blockReader.ts";

/** A line that the log does not take, or that was not even sent. */
export interface LineFault {
  readonly kind: "fault";
  /** Where it begins in its file, and where the next line does. */
  readonly from: number;
  readonly to: number;
  /**
   * The bytes from `from` to `to`: all of them, or of a line that is too long to be held the first
   * and the last ones.
   */
  readonly first: Uint8Array;
  readonly last: Uint8Array;
  readonly letter: LetterBytes;
  readonly code: `ERR_${string}`;
  readonly reason: string;
  readonly cause: unknown;
}

/** What is to be done with lines, in their order. */
export type Work = { readonly kind: "send"; readonly block: Block } | LineFault;

/**
 * Refusals of a request because of what is in it. Others are of the cluster, the log or whoever
 * asks, and no line is to blame.
 */
const OF_CONTENT = /^ERR_(?:BODY|RECORD|BLOB)_/;
const PAYLOAD_TOO_LARGE = 413;

export function isRefusalOfContent(error: unknown): error is ClientError {
  if (!(error instanceof ClientError)) return false;
  // A proxy in between gives its reasons on a page of its own.
  if (error.status === PAYLOAD_TOO_LARGE) return true;
  if (error.retryable || error.status === undefined || error.status >= 500) return false;
  return typeof error.details["position"] === "number" || OF_CONTENT.test(error.code);
}

/**
 * What to do with a block that was refused: what precedes the line, the line as a fault, what
 * follows. A refusal that names no line is traced to it by halving.
 */
export function withoutFault(block: Block, error: ClientError): readonly Work[] {
  const lines = linesOf(block);
  const { position } = error.details;
  const bad = lines.length === 1 ? lines[0] : lines[typeof position === "number" ? position : -1];
  if (bad === undefined) {
    const middle = lines[lines.length >> 1]?.from ?? block.bytes.length;
    return parts(block, [0, middle, block.bytes.length]);
  }
  const bytes = block.bytes.subarray(bad.from, bad.next);
  const fault: LineFault = {
    kind: "fault",
    from: block.from + bad.from,
    to: block.from + bad.next,
    first: bytes,
    last: bytes,
    letter: letterBytes(block.bytes.subarray(bad.from, bad.to)),
    code: error.code as `ERR_${string}`,
    reason: reasonOfLine(error.message),
    cause: error,
  };
  return [...parts(block, [0, bad.from]), fault, ...parts(block, [bad.next, block.bytes.length])];
}

/** What is wrong, without the place in the request: whoever has a file knows its lines. */
function reasonOfLine(message: string): string {
  return message.replace(
    / \(record \d+(?:, )?([^()]*?)(?:(?:, )?byte \d+)?\)$/,
    (place: string, inner: string) =>
      inner === "" || message.slice(0, -place.length).includes(inner) ? "" : ` (${inner})`,
  );
}

function parts(block: Block, ends: readonly number[]): readonly Work[] {
  return ends.flatMap((to, k) => {
    const from = ends[k - 1] ?? to;
    return from < to ? [{ kind: "send", block: partOf(block, from, to) }] : [];
  });
}

export function tooLong(line: LongLine): LineFault {
  const { from, to, length, sha256, first, last, isWhole } = line;
  return {
    kind: "fault",
    from,
    to,
    first,
    last,
    letter: cutBytes(first, length, sha256),
    code: "ERR_LINE_TOO_LONG",
    reason: isWhole
      ? `the line has ${length} bytes, ${LINE_BYTES_MAX} are the most`
      : `the line has more than ${LINE_BYTES_MAX} bytes`,
    cause: undefined,
  };
}
