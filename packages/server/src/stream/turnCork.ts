import type { Writable } from "node:stream";

/**
 * What is written in one turn of the event loop goes out in one system call: the answers of a batch come together, and a call for each of
 * them took a third of the gateway's CPU.
 */
export class TurnCork {
  readonly #stream: Writable;
  #corked = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Called before something is written. */
  hold(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#corked = false;
      this.#stream.uncork();
    });
  }
}
