/**
 * The blobs of one log: files `<directory>/blobs/<first two digits>/<SHA-256>`, each named by the hash of its bytes. A file has its name
 * only once all of it is on disk. The name is a promise when it is on disk, too: until then there is a mark, the file
 * `<directory>/blobs/unfinished/<SHA-256>`.
 */
import { randomUUID } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import type { ReadStream } from "node:fs";
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { assertDigest, isDigest } from "./blobError.ts";
import { flushName, isNamed } from "./blobName.ts";
import { BlobWriter } from "./blobWriter.ts";
import { errnoOf, refusalOr } from "../disk/diskRefusal.ts";
import { isThere, unlessMissing } from "../disk/isThere.ts";
import type { DiskFloor } from "../disk/diskFloor.ts";

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

  /**
   * Removes what a crash has left unfinished, and flushes the names that are still marked. Before anybody saves: once at the start of a
   * process. When it rejects, what is marked stays so.
   */
  static async sweep(directory: string): Promise<void> {
    const root = join(directory, "blobs");
    const unfinished = join(root, UNFINISHED);
    for (const name of await readdir(unfinished).catch(unlessMissing)) {
      const path = blobPath(root, name);
      if (isDigest(name) && (await isThere(path))) await flushName(path);
      await rm(join(unfinished, name), { force: true });
    }
  }

  /** Whether the blob is on disk under its name, for good. */
  has(digest: string): boolean {
    return isNamed(this.#path(digest), this.#mark(digest));
  }

  missing(digests: readonly string[]): readonly string[] {
    return digests.filter((digest) => !this.has(digest));
  }

  /** Undefined when there is nothing to read. Rejects with a refusal of the system to say so. */
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
    const [path, mark] = [this.#path(digest), this.#mark(digest)];
    const announcement = floor.announce(bytes);
    return new BlobWriter({ temporary, path, mark, digest, bytes, chunkBytes, announcement });
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
    return blobPath(this.#root, digest);
  }

  #mark(digest: string): string {
    return join(this.#root, UNFINISHED, digest);
  }
}

function blobPath(root: string, digest: string): string {
  return join(root, digest.slice(0, 2), digest);
}
