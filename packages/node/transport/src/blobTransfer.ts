import type { BlobFiles } from "@annals/replica";
import type { BlobAnswer, BlobChunkFrame, BlobOfferFrame } from "@annals/wire";
import type { Permits } from "./permits.ts";

/**
 * How a transfer ended. `held`: the follower has the blob on disk. `failed`: it could not save it now. `gone`: this side does not have it,
 * or not all of it. `cut`: the link went down.
 */
export type TransferEnd = "held" | "failed" | "gone" | "cut";

export interface BlobTransferOptions {
  readonly digest: string;
  readonly files: Pick<BlobFiles, "find" | "read">;
  readonly permits: Permits;
  readonly epoch: number;
  readonly send: (frame: BlobOfferFrame | BlobChunkFrame) => void;
  /** Whether credit and socket take another chunk; `wake` is called when that may have changed. */
  readonly hasRoom: () => boolean;
}

/** One blob on its way to one follower: offered, sent in chunks as far as the follower's credit goes, and confirmed. */
export class BlobTransfer {
  readonly digest: string;
  /** Never rejects. */
  readonly ended: Promise<TransferEnd>;
  readonly #options: BlobTransferOptions;
  #answer: BlobAnswer | undefined;
  #cut = false;
  #begun = false;
  /** The transfer waits for an answer or for room; whatever happens wakes it. */
  #wake: (() => void) | undefined;

  constructor(options: BlobTransferOptions) {
    this.#options = options;
    this.digest = options.digest;
    this.ended = options.permits.run(() => this.#run()).catch(() => "gone" as const);
  }

  /** Whether it is its turn: until then nothing is expected of the follower. */
  get begun(): boolean {
    return this.#begun;
  }

  answer(answer: BlobAnswer): void {
    this.#answer = answer;
    this.wake();
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  cancel(): void {
    this.#cut = true;
    this.wake();
  }

  async #run(): Promise<TransferEnd> {
    const { files, digest, epoch, send } = this.#options;
    if (this.#cut) return "cut";
    this.#begun = true;
    const blob = await files.find(digest);
    if (this.#cut) return "cut";
    if (blob === undefined) return "gone";
    send({ kind: "blobOffer", epoch, digest, bytes: blob.bytes });
    const wanted = await this.#nextAnswer();
    if (wanted !== "want") return wanted;
    const sent = await this.#sendChunks(blob.bytes);
    if (sent !== undefined) return sent;
    const saved = await this.#nextAnswer();
    // A second `want` makes no sense: it is asked again with the next transfer.
    return saved === "want" ? "failed" : saved;
  }

  /** The reason to stop early, if there was one. */
  async #sendChunks(total: number): Promise<TransferEnd | undefined> {
    const { files, digest, epoch, send, hasRoom } = this.#options;
    let sent = 0;
    if (total === 0) send({ kind: "blobChunk", epoch, bytes: new Uint8Array(0), last: true });
    for await (const bytes of files.read(digest)) {
      await this.#until(() => this.#answer !== undefined || hasRoom());
      if (this.#cut) return "cut";
      if (this.#answer !== undefined) return "failed";
      sent += bytes.length;
      send({ kind: "blobChunk", epoch, bytes, last: sent === total });
    }
    return sent === total ? undefined : "gone";
  }

  async #nextAnswer(): Promise<"held" | "failed" | "cut" | "want"> {
    await this.#until(() => this.#answer !== undefined);
    if (this.#cut) return "cut";
    const answer = this.#answer ?? "failed";
    this.#answer = undefined;
    return answer === "have" ? "held" : answer;
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!this.#cut && !condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
