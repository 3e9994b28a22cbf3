import type { FileHandle } from "node:fs/promises";
import type { SinkCursor } from "../sink.ts";

/** No record begins so: a record has no key of this name. */
const START = '{"annals":';
const NEWLINE = 0x0a;
const FIRST_WINDOW = 64 * 1024;

export function cursorLine(cursor: SinkCursor): string {
  return `${START}${JSON.stringify({ cursor })}}\n`;
}

export function isCursorLine(line: string): boolean {
  return line.startsWith(START);
}

/** The last whole cursor line of a file, and where it ends. Reads backwards, as far as it has to. */
export async function lastCursor(
  handle: FileHandle,
): Promise<{ readonly cursor: SinkCursor; readonly end: number } | undefined> {
  const { size } = await handle.stat();
  for (let window = FIRST_WINDOW; ; window *= 2) {
    const start = Math.max(0, size - window);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.byteLength, start);
    const found = lastIn(bytes.subarray(0, bytesRead), start === 0);
    if (found !== undefined) return { cursor: found.cursor, end: start + found.end };
    if (start === 0) return undefined;
  }
}

function lastIn(
  bytes: Buffer,
  whole: boolean,
): { readonly cursor: SinkCursor; readonly end: number } | undefined {
  let end = bytes.lastIndexOf(NEWLINE);
  while (end >= 0) {
    const before = end === 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
    // The first line of a window may have begun before it.
    if (before < 0 && !whole) return undefined;
    if (bytes.subarray(before + 1, before + 1 + START.length).toString() === START) {
      const cursor = parse(bytes.subarray(before + 1, end).toString());
      if (cursor !== undefined) return { cursor, end: end + 1 };
    }
    end = before;
  }
  return undefined;
}

/** Untrusted: the line may be of a file that was damaged. */
function parse(line: string): SinkCursor | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { cursor } = (value as { annals: { cursor?: Partial<SinkCursor> } }).annals;
  const { seq, part, settings, epoch, recordHash, scope, anchor } = cursor ?? {};
  if (![seq, part, epoch, anchor].every((one) => Number.isSafeInteger(one))) return undefined;
  if (typeof settings !== "string" || typeof recordHash !== "string") return undefined;
  if (typeof scope !== "string") return undefined;
  const numbers = { seq: seq ?? 0, part: part ?? 0, epoch: epoch ?? 0, anchor: anchor ?? 0 };
  return { ...numbers, settings, recordHash, scope };
}
