import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import type { WriteStream } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Announcement } from "./announcedBytes.ts";
import { BlobError } from "./blobError.ts";
import { flushName, isNamed } from "./blobName.ts";

export interface BlobWriterOptions {
  readonly temporary: string;
  readonly path: string;
  /** The file that says, while it is there, that the name at `path` is not flushed. */
  readonly mark: string;
  readonly digest: string;
  /** What the blob was announced to have. */
  readonly bytes: number;
  readonly chunkBytes: number;
  /** Ends with the writer, however that ends. */
  readonly announcement: Announcement;
}

/**
 * One blob on its way to disk, under a temporary name. Chunks go in by `write`, whose false asks the source to wait for `ready`; `finish`
 * resolves when the blob is durable under its own name. Whatever fails is kept for `finish` to tell: nothing is thrown elsewhere.
 */
export class BlobWriter {
  readonly #options: BlobWriterOptions;
  readonly #stream: WriteStream;
  readonly #hash = createHash("sha256");
  #received = 0;
  #failure: Error | undefined;
  #ended = false;

  constructor(options: BlobWriterOptions) {
    this.#options = options;
    this.#stream = createWriteStream(options.temporary, {
      flags: "wx",
      mode: 0o600,
      highWaterMark: options.chunkBytes,
      // The stream is closed only after its file is on disk.
      flush: true,
    });
    this.#stream.on("error", (error) => {
      this.#failure ??= error;
    });
    // After the last of its bytes, or without them.
    this.#stream.once("close", () => options.announcement.end());
  }

  /** Bytes taken so far. */
  get received(): number {
    return this.#received;
  }

  /** Bytes taken and not yet handed to the file. */
  get waitingBytes(): number {
    return this.#stream.writableLength;
  }

  /** Takes a chunk. False: wait for `ready` before the next one. A chunk beyond the announced size, or after a failure, is dropped. */
  write(chunk: Uint8Array): boolean {
    this.#received += chunk.length;
    if (this.#failure !== undefined || this.#ended) return true;
    if (this.#received > this.#options.bytes) {
      this.#failure = this.#wrongSize("more");
      return true;
    }
    this.#hash.update(chunk);
    return this.#stream.write(chunk, () => this.#options.announcement.written(chunk.length));
  }

  /** Resolves when the file takes more, or when it has failed or was closed, whichever comes first. Never rejects. */
  ready(): Promise<void> {
    const stream = this.#stream;
    if (!stream.writableNeedDrain || stream.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        for (const event of EVENTS) stream.off(event, done);
        resolve();
      };
      for (const event of EVENTS) stream.on(event, done);
    });
  }

  /** Resolves when the blob is on disk under its name. Rejects with a `BlobError`; then nothing of it is left. Call once. */
  async finish(): Promise<void> {
    try {
      await this.#save();
    } catch (error) {
      await this.abort();
      throw error instanceof BlobError
        ? error
        : new BlobError("ERR_BLOB_NOT_SAVED", `blob ${this.#options.digest} was not saved`, error);
    }
  }

  async #save(): Promise<void> {
    const { digest, bytes } = this.#options;
    this.#ended = true;
    this.#stream.end();
    await this.#closed();
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#received < bytes) throw this.#wrongSize("fewer");
    const found = this.#hash.digest("hex");
    if (found !== digest)
      throw new BlobError("ERR_BLOB_DIGEST", `the bytes hash to ${found}, not to ${digest}`);
    await this.#name();
  }

  /**
   * The blob counts as here when its name is flushed, however often that is tried, and whoever looks: the mark is what others see, in this
   * process and after its end.
   */
  async #name(): Promise<void> {
    const { temporary, path, mark } = this.#options;
    // Somebody else has saved the same bytes meanwhile.
    if (isNamed(path, mark)) return rm(temporary);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(mark, "");
    await rename(temporary, path);
    await flushName(path);
    await rm(mark, { force: true });
  }

  /** Gives the blob up and removes what was written. Idempotent, never rejects: an unfinished file is also removed at the next start. */
  async abort(): Promise<void> {
    this.#ended = true;
    this.#stream.destroy();
    await this.#closed();
    await rm(this.#options.temporary, { force: true }).catch(() => undefined);
  }

  #closed(): Promise<void> {
    if (this.#stream.closed) return Promise.resolve();
    return new Promise((resolve) => void this.#stream.once("close", resolve));
  }

  #wrongSize(which: "more" | "fewer"): BlobError {
    const { digest, bytes } = this.#options;
    return new BlobError(
      "ERR_BLOB_SIZE",
      `blob ${digest} was announced with ${bytes} bytes and has ${which}`,
    );
  }
}

const EVENTS = ["drain", "error", "close"] as const;
