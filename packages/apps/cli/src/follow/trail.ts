import { createHash } from "node:crypto";

/** Bytes at the beginning of a content, and before a place in it, by which it is recognised. */
export const TRAIL_BYTES = 1024;

/**
 * By what a content that was read up to a place is recognised again, under whatever name and inode.
 */
export interface Mark {
  /** How far it was read, in bytes. */
  readonly bytes: number;
  /** SHA-256, in hexadecimal, of its first bytes: `bytes` of them, `TRAIL_BYTES` at most. */
  readonly head: string;
  /** SHA-256 of as many bytes before the place. */
  readonly tail: string;
}

/** A place in a content with the bytes that its mark is made of. */
export interface Trail {
  readonly at: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
}

export const NO_TRAIL: Trail = { at: 0, head: new Uint8Array(0), tail: new Uint8Array(0) };

export function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function markOf({ at, head, tail }: Trail): Mark {
  return { bytes: at, head: digest(head), tail: digest(tail) };
}

export const NO_MARK: Mark = markOf(NO_TRAIL);

/** The trail behind `bytes`, which follow it. */
export function trailAfter(trail: Trail, bytes: Uint8Array): Trail {
  const missing = TRAIL_BYTES - trail.head.length;
  const head = missing > 0 ? Buffer.concat([trail.head, bytes.subarray(0, missing)]) : trail.head;
  const tail =
    bytes.length >= TRAIL_BYTES
      ? Uint8Array.from(bytes.subarray(-TRAIL_BYTES))
      : Buffer.concat([trail.tail, bytes]).subarray(-TRAIL_BYTES);
  return { at: trail.at + bytes.length, head, tail };
}

/**
 * The same behind a run of bytes of which only the first and the last ones are at hand:
 * `TRAIL_BYTES` of each, or all.
 */
export function trailBehind(
  trail: Trail,
  run: { readonly to: number; readonly first: Uint8Array; readonly last: Uint8Array },
): Trail {
  if (trail.at + run.last.length === run.to) return trailAfter(trail, run.last);
  const { head } = trailAfter(trail, run.first.subarray(0, TRAIL_BYTES));
  return { at: run.to, head, tail: Uint8Array.from(run.last.subarray(-TRAIL_BYTES)) };
}

/** What bytes are read from: those of [from, to), or fewer at the end. */
export interface Readable {
  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Undefined when the content is shorter than that. */
export async function trailAt(content: Readable, at: number): Promise<Trail | undefined> {
  const length = Math.min(at, TRAIL_BYTES);
  const head = await content.read(0, length);
  if (head.length < length) return undefined;
  const tail = await content.read(at - length, at);
  return tail.length < length ? undefined : { at, head, tail };
}

/** Whether the content is the one that the mark was made of, as far as it was read. */
export async function hasMark(content: Readable, mark: Mark): Promise<boolean> {
  const trail = await trailAt(content, mark.bytes);
  return trail !== undefined && isSameMark(markOf(trail), mark);
}

export function isSameMark(one: Mark, other: Mark): boolean {
  return one.bytes === other.bytes && one.head === other.head && one.tail === other.tail;
}
