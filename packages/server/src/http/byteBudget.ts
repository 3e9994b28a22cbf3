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

  /**
   * Takes the bytes until the reply is closed, or throws ERR_OVERLOADED. The result is called with what is held from then on, if that is
   * more, and throws alike.
   */
  hold(bytes: number, reply: FastifyReply): (bytes: number) => void {
    let held = 0;
    const growTo = (wanted: number): void => {
      const more = wanted - held;
      // The client went away in the meantime: `close` has been, and would not give these bytes back.
      if (more <= 0 || reply.raw.closed || reply.raw.destroyed) return;
      this.#admit(more, held);
      this.#held.add(more);
      held = wanted;
    };
    growTo(bytes);
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", () => {
      this.#held.remove(held);
      held = 0;
    });
    return growTo;
  }

  #admit(bytes: number, own: number): void {
    // One of any size always passes when nothing else is held: a cap below it must not block for ever.
    const { current: heldBytes, cap: capBytes } = this.#held;
    if (heldBytes > own && heldBytes + bytes > capBytes) {
      throw httpError(
        "ERR_OVERLOADED",
        `${heldBytes} bytes of ${this.#what} are held, the cap is ${capBytes}: nothing of this request was accepted`,
        { retryable: true, details: { heldBytes, capBytes } },
      );
    }
  }
}
