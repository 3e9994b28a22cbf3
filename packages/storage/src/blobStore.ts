/**
 * The blobs of one log: files `<directory>/blobs/<first two digits>/<SHA-256>`, each named by the hash of its bytes. A file has its name
 * only once all of it is on disk, so a name that is there is a promise.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import type { ReadStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { assertDigest } from "./blobError.ts";
import { BlobWriter } from "./blobWriter.ts";
import { errnoOf, refusalOr } from "./diskRefusal.ts";
import { unlessMissing } from "./isThere.ts";
import type { DiskFloor } from "./diskFloor.ts";

const UNFINISHED = "unfinished";

export interface BlobStoreOptions {
  /** The directory of the log. */
  readonly directory: string;
  readonly floor: DiskFloor;
  /** Bytes that may wait for the disk before a writer wants its source to pause. */
  readonly chunkBytes: number;
}

/** A blob that is here, and how long it is. */
export interface StoredBlob {
  readonly digest: string;
  readonly bytes: number;
}

export class BlobStore {
  readonly #options: BlobStoreOptions;
  readonly #root: string;

  constructor(options: BlobStoreOptions) {
    this.#options = options;
    this.#root = join(options.directory, "blobs");
  }

  /** Removes what a crash has left unfinished. Before anybody saves: once at the start of a process. */
  static async sweep(directory: string): Promise<void> {
    await rm(join(directory, "blobs", UNFINISHED), { recursive: true, force: true });
  }

  /** Whether all of the blob is on disk. One look at the file system. */
  has(digest: string): boolean {
    return existsSync(this.#path(digest));
  }

  missing(digests: readonly string[]): readonly string[] {
    return digests.filter((digest) => !this.has(digest));
  }

  /** Undefined when the blob is not here. Rejects with a refusal of the system to say so. */
  async find(digest: string): Promise<StoredBlob | undefined> {
    assertDigest(digest);
    const found = await stat(this.#path(digest)).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw refusalOr(error, this.#path(digest));
      return undefined;
    });
    return found === undefined ? undefined : { digest, bytes: found.size };
  }

  /** The bytes of a blob that is here, from `from` on. Its errors come as the stream's. */
  read(digest: string, from = 0): ReadStream {
    assertDigest(digest);
    return createReadStream(this.#path(digest), {
      start: from,
      highWaterMark: this.#options.chunkBytes,
    });
  }

  /** Begins to save a blob of so many bytes. Throws ERR_BLOB_NAME, ERR_DISK_FULL or ERR_DISK_UNAVAILABLE; then nothing was begun. */
  begin(digest: string, bytes: number): BlobWriter {
    assertDigest(digest);
    const { floor, chunkBytes } = this.#options;
    const unfinished = join(this.#root, UNFINISHED);
    try {
      mkdirSync(unfinished, { recursive: true });
    } catch (error) {
      throw refusalOr(error, unfinished);
    }
    const temporary = join(unfinished, `${digest}-${randomUUID()}`);
    const path = this.#path(digest);
    const announcement = floor.announce(bytes);
    return new BlobWriter({ temporary, path, digest, bytes, chunkBytes, announcement });
  }

  /** Every blob that is here, in no order. */
  async *list(): AsyncGenerator<StoredBlob> {
    for (const shelf of await readdir(this.#root).catch(unlessMissing)) {
      if (shelf === UNFINISHED) continue;
      for (const digest of await readdir(join(this.#root, shelf))) {
        const blob = await this.find(digest);
        if (blob !== undefined) yield blob;
      }
    }
  }

  #path(digest: string): string {
    return join(this.#root, digest.slice(0, 2), digest);
  }
}
