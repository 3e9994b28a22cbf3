import { createHash } from "node:crypto";
import type { BlobFiles, BlobSink } from "@annals/replica";
import { assertDigest, BlobError } from "@annals/storage";

/** `BlobFiles` in memory, with a disk that takes chunks only when the test lets it, and that may fail. */
export class MemoryBlobs implements BlobFiles {
  readonly saved: Map<string, Uint8Array> = new Map();
  /** Saved ones whose names a power cut would take back. */
  readonly unflushed: Set<string> = new Set();
  /** While true every `write` is false, and `ready` waits for `release`. */
  slow = false;
  /** Makes every `finish` fail. */
  failing = false;
  /** Begun and neither finished nor aborted. */
  open = 0;
  readonly chunkBytes: number;
  #waiting: (() => void)[] = [];

  constructor(chunkBytes = 64) {
    this.chunkBytes = chunkBytes;
  }

  /** Puts a blob in place; returns its digest. */
  add(bytes: Uint8Array): string {
    const digest = createHash("sha256").update(bytes).digest("hex");
    this.saved.set(digest, bytes);
    return digest;
  }

  /** Lets those go on who wait now. */
  release(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  has(digest: string): boolean {
    return this.saved.has(digest) && !this.unflushed.has(digest);
  }

  missing(digests: readonly string[]): readonly string[] {
    return digests.filter((digest) => !this.has(digest));
  }

  async find(digest: string): Promise<{ readonly bytes: number } | undefined> {
    assertDigest(digest);
    const found = this.saved.get(digest);
    return found === undefined ? undefined : { bytes: found.length };
  }

  async *read(digest: string): AsyncGenerator<Uint8Array> {
    const bytes = this.saved.get(digest) ?? new Uint8Array(0);
    for (let at = 0; at < bytes.length; at += this.chunkBytes)
      yield bytes.subarray(at, at + this.chunkBytes);
  }

  begin(digest: string, size: number): BlobSink {
    assertDigest(digest);
    const chunks: Uint8Array[] = [];
    let ended = false;
    this.open++;
    const end = (): void => {
      if (!ended) this.open--;
      ended = true;
    };
    return {
      write: (chunk) => {
        chunks.push(Uint8Array.from(chunk));
        return !this.slow;
      },
      ready: () =>
        this.slow && !ended
          ? new Promise((resolve) => void this.#waiting.push(resolve))
          : Promise.resolve(),
      finish: async () => {
        end();
        if (this.failing) throw new BlobError("ERR_BLOB_NOT_SAVED", "the disk has failed");
        const bytes = Buffer.concat(chunks);
        const found = createHash("sha256").update(bytes).digest("hex");
        if (bytes.length !== size) throw new BlobError("ERR_BLOB_SIZE", "another size");
        if (found !== digest) throw new BlobError("ERR_BLOB_DIGEST", "another digest");
        this.saved.set(digest, bytes);
        this.unflushed.delete(digest);
      },
      abort: async () => {
        end();
        this.release();
      },
    };
  }
}
