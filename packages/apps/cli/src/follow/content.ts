import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { Gunzip, ZstdDecompress } from "node:zlib";
import { CliError } from "../program/cliError.ts";
import { unreadable } from "../program/textFile.ts";
import type { Readable } from "./trail.ts";

/** Bytes of a stream that are read at a time. */
const CHUNK_BYTES = 64 * 1024;
/**
 * Memory that a zstd frame may ask for is two to the power of this: what its tools do without being
 * asked twice.
 */
const ZSTD_WINDOW_LOG_MAX = 27;

const NOTHING = new Uint8Array(0);

/** The bytes of a file as they are, or decompressed. */
export interface Content extends Readable {
  /** The same behind what was read before: into one buffer, without a copy of what is new. */
  readBehind(before: Uint8Array, from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Whether it is read from its beginning to its end, as all is that is decoded: of that, nothing
   * grows.
   */
  readonly isStream: boolean;
  /** Undefined of what is plain, or not begun yet. */
  readonly compression: Compression | undefined;
  /** Bytes of the file itself that are read so far. */
  readonly bytesTaken: number;
  /** Bytes of the file itself; undefined when nobody knows. */
  size(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** A file that is read wherever one likes. */
class PlainContent implements Content {
  readonly isStream = false;
  readonly compression = undefined;
  bytesTaken = 0;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.readBehind(NOTHING, from, to);
  }

  async readBehind(before: Uint8Array, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const end = Math.min(to, await this.size());
    const bytes = Buffer.allocUnsafeSlow(before.length + Math.max(0, end - from));
    bytes.set(before);
    const begin = from - before.length;
    let filled = before.length;
    while (filled < bytes.length) {
      const left = bytes.length - filled;
      const { bytesRead } = await this.#handle.read(bytes, filled, left, begin + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.bytesTaken = Math.max(this.bytesTaken, begin + filled);
    return bytes.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/**
 * What can only be read in order: compressed files, pipes. To go back it begins again, if it can.
 */
class StreamContent implements Content {
  readonly isStream = true;
  readonly compression: Compression | undefined;
  bytesTaken = 0;
  readonly #begin: (taken: (bytes: number) => void) => AsyncIterable<Uint8Array>;
  readonly #end: () => Promise<void>;
  readonly #size: number | undefined;
  readonly #canRepeat: boolean;
  #parts: AsyncIterator<Uint8Array> | undefined;
  /** Bytes that are read and not passed yet, and where they begin. */
  #held: Buffer<ArrayBuffer> = Buffer.alloc(0);
  #at = 0;
  #isDone = false;
  /** What ended it; thrown when everything before it was returned. */
  #failure: unknown;

  constructor(options: {
    readonly begin: (taken: (bytes: number) => void) => AsyncIterable<Uint8Array>;
    readonly end: () => Promise<void>;
    readonly size: number | undefined;
    readonly canRepeat: boolean;
    readonly compression: Compression | undefined;
  }) {
    this.#begin = options.begin;
    this.#end = options.end;
    this.#size = options.size;
    this.#canRepeat = options.canRepeat;
    this.compression = options.compression;
  }

  async size(): Promise<number | undefined> {
    return this.#size;
  }

  async read(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    if (from < this.#at) await this.#restart();
    const parts: Uint8Array[] = [];
    let end = this.#at + this.#held.length;
    // What lies before `from` is not kept while it goes by.
    if (this.#held.length > 0) parts.push(this.#held.subarray(Math.max(0, from - this.#at)));
    while (end < to && !this.#isDone) {
      const part = await this.#next().catch((error: unknown) => {
        this.#failure = error;
        this.#isDone = true;
      });
      if (part === undefined) break;
      end += part.length;
      if (end > from) parts.push(part.subarray(Math.max(0, from - (end - part.length))));
    }
    if (this.#failure !== undefined && end <= from) throw this.#failure;
    this.#at = Math.min(from, end);
    const [first] = parts;
    this.#held = parts.length === 1 && first !== undefined ? asBuffer(first) : Buffer.concat(parts);
    return this.#held.subarray(0, Math.max(0, to - from));
  }

  async readBehind(before: Uint8Array, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    return Buffer.concat([before, await this.read(from, to)]);
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#parts ??= this.#begin((bytes) => (this.bytesTaken += bytes))[Symbol.asyncIterator]();
    const { value, done } = await this.#parts.next();
    if (done !== true) return value;
    this.#isDone = true;
    return undefined;
  }

  async #restart(): Promise<void> {
    if (!this.#canRepeat) throw new Error("a stream was read backwards");
    await this.#parts?.return?.();
    this.#parts = undefined;
    this.#held = Buffer.alloc(0);
    this.#at = 0;
    this.#isDone = false;
    this.#failure = undefined;
    this.bytesTaken = 0;
  }

  async close(): Promise<void> {
    // What waits for more of a pipe would not end; nobody waits for that.
    if (this.#canRepeat) await this.#parts?.return?.();
    await this.#end();
  }
}

function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
}

type Compression = "gzip" | "zstd";

/** By the first bytes, whatever the file is called. */
function compressionOf(first: Uint8Array): Compression | undefined {
  const begins = (magic: readonly number[]): boolean => magic.every((byte, k) => first[k] === byte);
  if (begins([0x1f, 0x8b, 0x08])) return "gzip";
  return begins([0x28, 0xb5, 0x2f, 0xfd]) ? "zstd" : undefined;
}

/** An open file, plain or compressed. The handle is the content's from now on; without a content it is closed. */
export async function contentOf(handle: FileHandle, path: string): Promise<Content> {
  try {
    return await openContent(handle, path);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openContent(handle: FileHandle, path: string): Promise<Content> {
  const stats = await handle.stat();
  if (!stats.isFile()) return streamOf(handle.createReadStream({ autoClose: false }), path, handle);
  const first = await new PlainContent(handle).read(0, 4);
  const compression = compressionOf(first);
  if (compression === undefined) return new PlainContent(handle);
  return new StreamContent({
    begin: (taken) =>
      decoded(
        handle.createReadStream({ start: 0, autoClose: false, highWaterMark: CHUNK_BYTES }),
        compression,
        path,
        taken,
      ),
    end: () => handle.close(),
    size: stats.size,
    canRepeat: true,
    compression,
  });
}

/** What comes from a pipe, plain or compressed. */
export function streamOf(
  source: AsyncIterable<Uint8Array>,
  path: string,
  handle?: FileHandle,
): Content {
  return new StreamContent({
    begin: (taken) => sniffed(source, path, taken),
    // A read that waits for somebody to write would keep it open; nobody waits for that.
    end: async () => void handle?.close().catch(() => undefined),
    size: undefined,
    canRepeat: false,
    compression: undefined,
  });
}

async function* sniffed(
  source: AsyncIterable<Uint8Array>,
  path: string,
  taken: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  const parts = source[Symbol.asyncIterator]();
  let first: Buffer = Buffer.alloc(0);
  let isDone = false;
  while (first.length < 4 && !isDone) {
    const next = await parts.next();
    if (next.done === true) isDone = true;
    else first = Buffer.concat([first, next.value]);
  }
  const whole = async function* whole(): AsyncGenerator<Uint8Array, void> {
    if (first.length > 0) yield first;
    for (let next = await parts.next(); next.done !== true; next = await parts.next())
      yield next.value;
  };
  const compression = compressionOf(first);
  if (compression !== undefined) {
    yield* decoded(whole(), compression, path, taken);
    return;
  }
  for await (const part of whole()) {
    taken(part.length);
    yield part;
  }
}

/** Throws ERR_FILE_DAMAGED after whatever could be decoded. */
async function* decoded(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  path: string,
  taken: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void> {
  const decoder = decoderOf(compression);
  const feeding = feed(source, decoder, taken).catch((error: unknown) =>
    decoder.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  try {
    for await (const part of decoder) yield part as Buffer;
  } catch (error) {
    if (!(error instanceof Error) || "syscall" in error) throw error;
    throw new CliError("ERR_FILE_DAMAGED", `${path}: ${compression}: ${error.message}`, {
      hint: "what could be decoded before the damage is read; the file is cut, or not whole yet",
      cause: error,
    });
  } finally {
    decoder.destroy();
    await feeding;
  }
}

/**
 * It decodes on when what it has decoded is taken: so what precedes damage is never thrown away
 * with it.
 */
function decoderOf(compression: Compression): Gunzip | ZstdDecompress {
  const options = { chunkSize: CHUNK_BYTES, readableHighWaterMark: 1 };
  if (compression === "gzip") return createGunzip(options);
  const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX };
  return createZstdDecompress({ ...options, params });
}

async function feed(
  source: AsyncIterable<Uint8Array>,
  decoder: Gunzip | ZstdDecompress,
  taken: (bytes: number) => void,
): Promise<void> {
  for await (const part of source) {
    if (decoder.destroyed) return;
    taken(part.length);
    if (decoder.write(part)) continue;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        decoder.off("drain", go).off("close", go);
        resolve();
      };
      decoder.on("drain", go).on("close", go);
      if (decoder.destroyed) go();
    });
  }
  if (!decoder.destroyed) decoder.end();
}

/** Undefined while there is no such file. Throws ERR_FILE_UNREADABLE. */
export async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unreadable(path, error);
  }
}

/** Whether a file is there and may not be read. */
export function isUnreadable(error: unknown): error is CliError {
  return error instanceof CliError && error.code === "ERR_FILE_UNREADABLE";
}

/** Whether a compressed file ends where it should not. */
export function isDamaged(error: unknown): error is CliError {
  return error instanceof CliError && error.code === "ERR_FILE_DAMAGED";
}
