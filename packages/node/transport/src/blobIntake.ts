import type { PauseGate } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import type { BlobFiles, BlobSink } from "@annals/replica";
import type { BlobAnswer, BlobChunkFrame, BlobOfferFrame } from "@annals/wire";

export interface BlobIntakeOptions {
  readonly files: BlobFiles;
  readonly maxBlobBytes: number;
  /** Decoding of the link's frames stops while it is held. */
  readonly gate: PauseGate;
  readonly sendAnswer: (digest: string, answer: BlobAnswer) => void;
  /** A blob is on the disk. */
  readonly onSaved: (digest: string) => void;
  /** A blob was not saved: the leader will send it again. */
  readonly onNotSaved: (digest: string, error: AnnalsError) => void;
}

interface Arriving {
  readonly digest: string;
  readonly sink: BlobSink;
  /** Failed, or all of it has come: further chunks are not for it. */
  over: boolean;
}

/**
 * The follower's side of blobs on one data link, one blob at a time. A slow disk pauses the link (`blob:<digest>`); the pause waits for the
 * disk alone, never for a later frame, and ends also when the file fails or the link closes. A save that fails is told to the leader and
 * harms nothing else.
 */
export class BlobIntake {
  readonly #options: BlobIntakeOptions;
  #arriving: Arriving | undefined;
  #closed = false;

  constructor(options: BlobIntakeOptions) {
    this.#options = options;
  }

  /** In the middle of another blob: the leader has given that one up. */
  offer({ digest, bytes }: BlobOfferFrame): void {
    const { files, sendAnswer } = this.#options;
    if (this.#arriving?.over === false) void this.#arriving.sink.abort();
    this.#arriving = undefined;
    if (files.has(digest)) {
      sendAnswer(digest, "have");
      return;
    }
    try {
      this.#arriving = { digest, sink: this.#begin(digest, bytes), over: false };
    } catch (error) {
      this.#notSaved(digest, error);
      return;
    }
    sendAnswer(digest, "want");
  }

  #begin(digest: string, bytes: number): BlobSink {
    const { files, maxBlobBytes } = this.#options;
    if (bytes <= maxBlobBytes) return files.begin(digest, bytes);
    throw new AnnalsError(
      "ERR_BLOB_TOO_LARGE",
      `a blob of ${bytes} bytes was offered, the limit of this node is ${maxBlobBytes}`,
    );
  }

  /** Takes a chunk; `done` is called when its bytes are with the disk, or dropped. */
  chunk({ bytes, last }: BlobChunkFrame, done: () => void): void {
    const arriving = this.#arriving;
    if (arriving === undefined || arriving.over) {
      done();
      return;
    }
    if (arriving.sink.write(bytes)) done();
    else void this.#pauseUntilReady(arriving, done);
    if (last) void this.#finish(arriving);
  }

  async #pauseUntilReady({ digest, sink }: Arriving, done: () => void): Promise<void> {
    const release = this.#options.gate.hold(`blob:${digest}`);
    await sink.ready();
    done();
    release();
  }

  async #finish(arriving: Arriving): Promise<void> {
    arriving.over = true;
    try {
      await arriving.sink.finish();
      this.#options.onSaved(arriving.digest);
      if (!this.#closed) this.#options.sendAnswer(arriving.digest, "have");
    } catch (error) {
      this.#notSaved(arriving.digest, error);
    }
  }

  #notSaved(digest: string, cause: unknown): void {
    if (this.#closed) return;
    const error =
      cause instanceof AnnalsError
        ? cause
        : new AnnalsError("ERR_BLOB_NOT_SAVED", `blob ${digest} was not saved`, { cause });
    this.#options.onNotSaved(digest, error);
    this.#options.sendAnswer(digest, "failed");
  }

  /** The link is gone: what has not come in full is given up; what has is still saved. */
  close(): void {
    this.#closed = true;
    if (this.#arriving?.over === false) void this.#arriving.sink.abort();
    this.#arriving = undefined;
  }
}
