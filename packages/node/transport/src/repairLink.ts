import type { Backoff } from "@annals/flow";
import type { LogIndex } from "@annals/raft";
import { encodeFrame } from "@annals/wire";
import type { Frame, HelloFrame, PageFrame } from "@annals/wire";
import { OutboundLink } from "./outboundLink.ts";
import { CLOSE_STALLED } from "./protocol.ts";

export interface RepairLinkOptions {
  readonly url: string;
  readonly hello: () => Omit<HelloFrame, "kind" | "epoch">;
  readonly maxMessageBytes: number;
  readonly handshakeTimeoutMs: number;
  /** Without an answer for so long the peer counts as silent, and the link is dialled anew. */
  readonly answerTimeoutMs: number;
  readonly backoff: Backoff;
}

interface Waiting {
  readonly from: LogIndex;
  readonly settle: (page: PageFrame | undefined) => void;
}

/** Asks one peer for entries of one log that are damaged here. One request is in the air at most. */
export class RepairLink {
  readonly #options: RepairLinkOptions;
  readonly #link: OutboundLink;
  readonly #opened = new Set<() => void>();
  #waiting: Waiting | undefined;
  #closed = false;

  constructor(options: RepairLinkOptions) {
    this.#options = options;
    this.#link = new OutboundLink({
      ...options,
      onOpen: () => this.#wake(),
      onFrame: (frame) => this.#frame(frame),
      onDown: () => this.#wake(),
    });
  }

  /**
   * The peer's entries from `from` on, at most to `to`. Undefined when it cannot be reached, refuses us or keeps silent. The caller waits
   * for one answer before it asks again.
   */
  async fetch(from: LogIndex, to: LogIndex): Promise<PageFrame | undefined> {
    if (!this.#link.open) await this.#untilOpenOrDown();
    if (!this.#link.open || this.#waiting !== undefined) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const reason = `no answer for ${this.#options.answerTimeoutMs} ms`;
        this.#link.fail({ code: "ERR_LINK_STALLED", reason }, CLOSE_STALLED);
        this.#wake();
      }, this.#options.answerTimeoutMs);
      this.#waiting = {
        from,
        settle: (page) => {
          clearTimeout(timer);
          this.#waiting = undefined;
          resolve(page);
        },
      };
      this.#link.send(encodeFrame({ kind: "fetch", from, to }));
    });
  }

  close(): void {
    this.#closed = true;
    this.#link.close();
    this.#wake();
  }

  #frame(frame: Frame): void {
    if (frame.kind !== "page" || frame.from !== this.#waiting?.from) return;
    this.#link.progress();
    this.#waiting.settle(frame);
  }

  /** Everybody who waits looks again; nothing is in the air on a link that has just opened or gone. */
  #wake(): void {
    this.#waiting?.settle(undefined);
    for (const wake of this.#opened) wake();
  }

  #untilOpenOrDown(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#opened.delete(done);
        resolve();
      };
      const timer = setTimeout(done, this.#options.answerTimeoutMs);
      this.#opened.add(done);
    });
  }
}
