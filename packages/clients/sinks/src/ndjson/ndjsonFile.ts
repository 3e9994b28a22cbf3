import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import { AnnalsError } from "@annals/record";
import { codeOf } from "../messageOf.ts";
import { fingerprint } from "../recordHash.ts";
import { sameCursor } from "../sink.ts";
import type { Chunk, FailureClass, Held, Sink, SinkCursor, Stretch } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { cursorLine, lastCursor } from "./cursorLine.ts";
import { HeldLines } from "./heldLines.ts";

export interface NdjsonFileOptions {
  /** Its files are `<first seq>.ndjson`, and nothing else of that ending. */
  readonly directory: string;
  /** A file that has reached so many bytes is closed, and the next one begins; default 256 MiB. */
  readonly rotateBytes?: number;
}

const ROTATE_BYTES = 256 << 20;
const SUFFIX = ".ndjson";
const SEQ_DIGITS = 16;

interface OpenFile {
  /** Seq of the first record that it has, or will have: its name. */
  readonly first: number;
  readonly handle: FileHandle;
  /** Flushed, and ends with a cursor line. */
  bytes: number;
  /** Undefined in the first file, until the first chunk is flushed. */
  cursor: SinkCursor | undefined;
}

/** SQLITE_BUSY. */
const BUSY = 5;

class NotOurs extends Error {}
/** Whoever has the directory may let go of it: a runner waits. */
class InUse extends AnnalsError {
  override readonly name = "InUse";
}

/**
 * Records as lines of JSON in files that are rotated. A chunk is its records and a line with the cursor behind them, flushed together: what
 * follows the last cursor line was not committed, and is cut off. One process at a time. The reference for other sinks.
 */
export class NdjsonFile implements Sink<string> {
  readonly settings: string = fingerprint({ sink: "ndjson", version: 2 });
  readonly target: string;
  readonly probing = "rolledBack";
  readonly #directory: string;
  readonly #rotateBytes: number;
  #file: OpenFile | undefined;
  #lock: DatabaseSync | undefined;
  readonly #held: HeldLines;

  constructor({ directory, rotateBytes = ROTATE_BYTES }: NdjsonFileOptions) {
    if (!(rotateBytes >= 1)) throw new RangeError(`rotateBytes must be ≥ 1, got ${rotateBytes}`);
    this.#directory = directory;
    this.#held = new HeldLines(directory);
    this.target = `ndjson ${directory}`;
    this.#rotateBytes = rotateBytes;
  }

  plan(record: StoredRecord): readonly string[] {
    return [`${recordText(record)}\n`];
  }

  weigh(line: string): number {
    return Buffer.byteLength(line);
  }

  async open(): Promise<SinkCursor | undefined> {
    await makeDirectory(this.#directory);
    this.#lock = lockDirectory(this.#directory);
    for (const name of (await this.#names()).toReversed()) {
      const handle = await open(join(this.#directory, name), "r+");
      const found = await lastCursor(handle);
      if (found !== undefined) {
        await handle.truncate(found.end);
        // What was read may have been in the page cache only, and so may the file's name.
        await handle.sync();
        await syncDirectory(this.#directory);
        this.#file = {
          first: Number.parseInt(name, 10),
          handle,
          bytes: found.end,
          cursor: found.cursor,
        };
        return found.cursor;
      }
      // Its first cursor line was not finished when the process ended: nothing is in it.
      const { size } = await handle.stat();
      await handle.close();
      if (size > 1 << 20) throw damaged(join(this.#directory, name));
      await rm(join(this.#directory, name));
    }
    return undefined;
  }

  async apply({ expected, next, mutations }: Chunk<string>): Promise<void> {
    if (!sameCursor(this.#file?.cursor, expected)) throw new NotOurs("the cursor is another one");
    const file = await this.#ready(next);
    const bytes = Buffer.from(mutations.join("") + cursorLine(next));
    let written = 0;
    while (written < bytes.byteLength) {
      const rest = bytes.subarray(written);
      written += (await file.handle.write(rest, 0, rest.byteLength, file.bytes + written))
        .bytesWritten;
    }
    await file.handle.datasync();
    file.bytes += bytes.byteLength;
    file.cursor = next;
  }

  /** Whatever is behind what was flushed is not known to be durable, and is written again. */
  async cursor(): Promise<SinkCursor | undefined> {
    return this.#file?.cursor;
  }

  held({ from, to }: Stretch): Promise<readonly Held[]> {
    return this.#held.stretch(from, to);
  }

  /** A file takes every record. */
  async probe(): Promise<void> {}

  classify(error: unknown): FailureClass {
    if (error instanceof NotOurs) return "fenced";
    if (error instanceof InUse) return "transient";
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    switch (code) {
      case "ENOSPC":
      case "EDQUOT":
      case "EIO":
      case "EAGAIN":
      case "EMFILE":
      case "ENFILE":
        return "transient";
      case "EACCES":
      case "EPERM":
      case "EROFS":
      case "ENOENT":
      case "ENOTDIR":
      // Of the lock: its file cannot be opened, or is none.
      case "ERR_SQLITE_ERROR":
        return "settings";
      default:
        return "unknown";
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await this.#held.close();
    await file?.handle.close();
    this.#lock?.close();
    this.#lock = undefined;
  }

  async #names(): Promise<readonly string[]> {
    const names = await readdir(this.#directory);
    return names.filter((name) => name.endsWith(SUFFIX)).toSorted();
  }

  /** The file to write to. */
  async #ready(next: SinkCursor): Promise<OpenFile> {
    const file = this.#file;
    if (file === undefined) return this.#begin(next.seq + 1);
    // What a chunk that failed has left.
    await file.handle.truncate(file.bytes);
    const { cursor } = file;
    const atRecord = cursor !== undefined && cursor.part === 0 && cursor.seq >= file.first;
    if (file.bytes < this.#rotateBytes || !atRecord) return file;
    const begun = await this.#begin(cursor.seq + 1, cursor);
    await file.handle.close();
    return begun;
  }

  /** A file that goes on from one before begins with the cursor of that one. */
  async #begin(first: number, before?: SinkCursor): Promise<OpenFile> {
    const name = `${String(first).padStart(SEQ_DIGITS, "0")}${SUFFIX}`;
    // One of this name is what an attempt before has left: the names of others are smaller.
    const handle = await open(join(this.#directory, name), "w+");
    try {
      const head = Buffer.from(before === undefined ? "" : cursorLine(before));
      await handle.writeFile(head);
      await handle.sync();
      await syncDirectory(this.#directory);
      this.#file = { first, handle, bytes: head.byteLength, cursor: before };
      return this.#file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

/**
 * Files cannot be compared and written in one step, so an owner that does not know yet that it has lost its lane could cut into what the
 * next one writes. The lock is SQLite's on an empty database: the operating system lets go of it when the process ends, however it ends.
 */
function lockDirectory(directory: string): DatabaseSync {
  const lock = new DatabaseSync(join(directory, "lock"));
  try {
    lock.exec("PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Error && "errcode" in cause && cause.errcode === BUSY)) throw cause;
    const what = `another process has ${directory} open: a runner, or one that was not ended`;
    throw new InUse("ERR_SINK_IN_USE", what, { retryable: true, cause });
  }
}

/** Node's own recursive mkdir does not return where a parent takes no directories, such as /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || (await isThere(parent))) throw error;
    await makeDirectory(parent);
    await mkdir(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function damaged(path: string): SinkError {
  return new SinkError(
    "ERR_SINK_FILE",
    `${path} has no line with a cursor: it was not written by this sink, or is damaged; move it away`,
  );
}
