import { createHash } from "node:crypto";
import { open, readdir, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CliError } from "../cliError.ts";
import type { FollowState } from "./followState.ts";

/** A line is at most so long: more than any record may have. */
const LINE_BYTES_MAX = 16 << 20;
/** Bytes by which a file is recognised. */
const HEAD_BYTES_MAX = 1024;

/** Where a run of whole lines lies. */
export interface Block {
  readonly from: number;
  readonly to: number;
  /** Not empty, without their ends. */
  readonly lines: readonly FileLine[];
  /** Lines that the block ends, empty ones included. */
  readonly lineEnds: number;
}

export interface FileLine {
  readonly bytes: Uint8Array;
  /** Its first byte in the file. */
  readonly at: number;
  /** Its number within the block, from 0. */
  readonly number: number;
}

/** One file that grows, held open: it stays readable when it is renamed. */
export class FollowedFile {
  readonly path: string;
  readonly inode: string;
  readonly #handle: FileHandle;

  private constructor(path: string, inode: string, handle: FileHandle) {
    this.path = path;
    this.inode = inode;
    this.#handle = handle;
  }

  /** Undefined while there is no such file. */
  static async open(path: string): Promise<FollowedFile | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(path, "r");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw new CliError("ERR_FILE_UNREADABLE", `cannot read ${path}`, { cause: error });
    }
    const { ino } = await handle.stat({ bigint: true });
    return new FollowedFile(path, String(ino), handle);
  }

  /** The file of an earlier run, under its name or, renamed since, beside it. Undefined when it is not there any more. */
  static async find(path: string, state: FollowState): Promise<FollowedFile | undefined> {
    const names = await readdir(dirname(path)).catch(() => []);
    const first = basename(path);
    for (const name of [first, ...names.filter((one) => one !== first)]) {
      const candidate = join(dirname(path), name);
      const found = await stat(candidate, { bigint: true }).catch(() => undefined);
      if (found?.isFile() !== true || String(found.ino) !== state.inode) continue;
      const file = await FollowedFile.open(candidate);
      if (file !== undefined && (await file.#begins(state.head))) return file;
      await file?.close();
    }
    return undefined;
  }

  async #begins(head: FollowState["head"]): Promise<boolean> {
    return (
      (await this.size()) >= head.bytes && (await this.headOf(head.bytes)).sha256 === head.sha256
    );
  }

  /** What the file is recognised by, of which `known` bytes are there for good. */
  async headOf(known: number): Promise<FollowState["head"]> {
    const bytes = Math.min(known, HEAD_BYTES_MAX);
    const head = await this.read(0, bytes);
    return { bytes, sha256: createHash("sha256").update(head).digest("hex") };
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /** Bytes [from, to), or fewer at the end of the file. */
  async read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(to - from);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#handle.read(
        bytes,
        filled,
        bytes.length - filled,
        from + filled,
      );
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  /**
   * Whole lines from `from` on: at most `maxLines`, and `maxBytes` unless the first alone is larger. With `isFinal` nothing more is coming,
   * so what has no end is a line, too. Undefined when there is no whole line.
   */
  async block(
    from: number,
    maxBytes: number,
    maxLines: number,
    isFinal: boolean,
  ): Promise<Block | undefined> {
    for (let bytes = maxBytes; ; bytes = LINE_BYTES_MAX) {
      const read = await this.read(from, from + bytes);
      const isEnd = isFinal && read.length < bytes;
      // Only a line that alone is larger than a request makes the second look necessary.
      const block = linesOf(read, from, bytes === maxBytes ? maxLines : 1, isEnd);
      if (block !== undefined || read.length < bytes) return block;
      if (bytes >= LINE_BYTES_MAX)
        throw new CliError(
          "ERR_LINE_TOO_LONG",
          `${this.path}, byte ${from}: a line is longer than ${LINE_BYTES_MAX} bytes`,
        );
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** All lines of some bytes, the last one with or without its end. */
export function blockOf(bytes: Uint8Array, from: number): Block | undefined {
  return linesOf(bytes, from, Number.POSITIVE_INFINITY, true);
}

function linesOf(
  bytes: Uint8Array,
  from: number,
  maxLines: number,
  isFinal: boolean,
): Block | undefined {
  const lines: FileLine[] = [];
  let start = 0;
  let lineEnds = 0;
  while (lines.length < maxLines && start < bytes.length) {
    const found = bytes.indexOf(0x0a, start);
    if (found < 0 && !isFinal) break;
    const end = found < 0 ? bytes.length : found;
    const line = bytes.subarray(start, bytes[end - 1] === 0x0d && end > start ? end - 1 : end);
    if (line.length > 0) lines.push({ bytes: line, at: from + start, number: lineEnds });
    lineEnds++;
    start = found < 0 ? end : end + 1;
  }
  return lineEnds === 0 ? undefined : { from, to: from + start, lines, lineEnds };
}
