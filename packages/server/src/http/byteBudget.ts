import type { FastifyReply } from "fastify";
import { httpError } from "./problem.ts";

/**
 * Bounds the bytes that are held for clients, over all connections: bodies that are being received or worked on, or answers that are
 * being sent. Bytes are given back when the answer is sent or the client has gone.
 */
export class ByteBudget {
  readonly #what: string;
  readonly #capBytes: number;
  #heldBytes = 0;

  /** `what` is counted, in the words of the refusal, such as "requests". */
  constructor(what: string, capBytes: number) {
    this.#what = what;
    this.#capBytes = capBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes the bytes until the reply is closed, or throws ERR_OVERLOADED. */
  hold(bytes: number, reply: FastifyReply): void {
    // One of any size always passes when nothing else is held: a cap below it must not block for ever.
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > this.#capBytes) {
      throw httpError(
        "ERR_OVERLOADED",
        `${this.#heldBytes} bytes of ${this.#what} are held, the cap is ${this.#capBytes}: nothing of this request was accepted`,
        { retryable: true, details: { heldBytes: this.#heldBytes, capBytes: this.#capBytes } },
      );
    }
    // The client went away in the meantime: `close` has been, and would not give these bytes back.
    if (reply.raw.closed || reply.raw.destroyed) return;
    this.#heldBytes += bytes;
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => {
      this.#heldBytes -= bytes;
    });
  }
}
