import { Gauge } from "@annals/flow";
import type { GaugeFamily } from "@annals/flow";
import type { FastifyReply } from "fastify";
import { httpError } from "./problem.ts";

/**
 * Bounds the bytes that are held for clients, over all connections: bodies that are being received or worked on, or answers that are
 * being sent. Bytes are given back when the answer is sent or the client has gone.
 */
export class ByteBudget {
  readonly #what: string;
  readonly #held: Gauge;

  /** `what` is counted, in the words of the refusal, such as "requests". */
  constructor(what: string, capBytes: number, family?: GaugeFamily) {
    this.#what = what;
    this.#held = new Gauge(capBytes, family);
  }

  get heldBytes(): number {
    return this.#held.current;
  }

  /** Takes the bytes until the reply is closed, or throws ERR_OVERLOADED. */
  hold(bytes: number, reply: FastifyReply): void {
    // One of any size always passes when nothing else is held: a cap below it must not block for ever.
    const { current: heldBytes, cap: capBytes } = this.#held;
    if (heldBytes > 0 && heldBytes + bytes > capBytes) {
      throw httpError(
        "ERR_OVERLOADED",
        `${heldBytes} bytes of ${this.#what} are held, the cap is ${capBytes}: nothing of this request was accepted`,
        { retryable: true, details: { heldBytes, capBytes } },
      );
    }
    // The client went away in the meantime: `close` has been, and would not give these bytes back.
    if (reply.raw.closed || reply.raw.destroyed) return;
    this.#held.add(bytes);
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => {
      this.#held.remove(bytes);
    });
  }
}
