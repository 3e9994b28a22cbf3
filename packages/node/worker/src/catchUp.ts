import type { Replica } from "@annals/replica";

export interface CatchUpOptions {
  readonly replica: Pick<Replica, "readBarrier" | "status">;
  /** Without anything new in the log or applied for so long the log is not waited for: its peers are away, or it has no quorum. */
  readonly silentMs: number;
  readonly now: () => number;
  /** Called once: everything that was committed at the beginning is applied, or (`progress` false) nothing moves. */
  readonly onEnd: (progress: boolean) => void;
}

/** Watches a log that was just opened until it has applied what was committed by then. */
export class CatchUp {
  readonly #options: CatchUpOptions;
  #seen = "";
  #movedAtMs: number;
  #ended = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#movedAtMs = options.now();
    options.replica.readBarrier(Number.POSITIVE_INFINITY).then(
      () => this.#end(true),
      // The replica has closed: whoever closed it knows.
      () => this.#end(false),
    );
  }

  /** Called from time to time. */
  look(): void {
    if (this.#ended) return;
    const { replica, now, silentMs } = this.#options;
    const { lastIndex, applied } = replica.status().raft;
    const seen = `${lastIndex} ${applied}`;
    if (seen !== this.#seen) this.#movedAtMs = now();
    this.#seen = seen;
    if (now() - this.#movedAtMs >= silentMs) this.#end(false);
  }

  #end(progress: boolean): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(progress);
  }
}
