import { httpError } from "./problem.ts";

/**
 * Bounds the bytes of request bodies that are being received or answered, over all connections. A body is counted in full as soon as
 * its length is known, before a byte of it is read; one of unknown length as the largest allowed.
 */
export class BodyBudget {
  readonly #capBytes: number;
  #heldBytes = 0;

  constructor(capBytes: number) {
    this.#capBytes = capBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes the bytes or throws ERR_OVERLOADED. The returned function gives them back; calling it again does nothing. */
  take(bytes: number): () => void {
    // One body of the largest size always passes when nothing else is held.
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > this.#capBytes) {
      throw httpError(
        "ERR_OVERLOADED",
        `${this.#heldBytes} bytes of requests are being worked on, the cap is ${this.#capBytes}: nothing of this one was accepted`,
        { retryable: true, details: { heldBytes: this.#heldBytes, capBytes: this.#capBytes } },
      );
    }
    this.#heldBytes += bytes;
    let held = bytes;
    return () => {
      this.#heldBytes -= held;
      held = 0;
    };
  }
}
