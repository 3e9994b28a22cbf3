import { Gauge } from "@annals/flow";
import type { GaugeFamily } from "@annals/flow";
import type { FastifyReply } from "fastify";
import { httpError } from "./problem.ts";

/** Bounds the bytes of answers held for clients, over all connections. Given back when the answer is sent or the client has gone. */
export class ByteBudget {
  readonly #held: Gauge;

  constructor(capBytes: number, family: GaugeFamily) {
    this.#held = new Gauge(capBytes, family);
  }

  /** Takes the bytes until the reply is closed, or throws ERR_OVERLOADED. */
  hold(bytes: number, reply: FastifyReply): void {
    // The client has gone in the meantime: `close` has been, and would not give these bytes back.
    if (reply.raw.closed || reply.raw.destroyed) return;
    const { current: heldBytes, cap: capBytes } = this.#held;
    // One of any size always passes when nothing else is held: a cap below it must not block for ever.
    if (heldBytes > 0 && heldBytes + bytes > capBytes) {
      throw httpError(
        "ERR_OVERLOADED",
        `${heldBytes} bytes of answers are held, the cap is ${capBytes}: nothing was read`,
        { retryable: true, details: { heldBytes, capBytes } },
      );
    }
    this.#held.add(bytes);
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => this.#held.remove(bytes));
  }
}
