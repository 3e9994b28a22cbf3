import { Gauge } from "@annals/flow";
import type { GaugeFamily } from "@annals/flow";
import type { FastifyReply } from "fastify";
import { httpError } from "./problem.ts";

/** Bytes taken from a budget by somebody. */
export interface HeldBytes {
  /** So many are held from then on, if that is more; throws ERR_OVERLOADED. Does nothing once they are released. */
  readonly growTo: (bytes: number) => void;
  /** Gives all of them back. Idempotent. */
  readonly release: () => void;
}

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
    // The client went away in the meantime: `close` has been, and would not give these bytes back.
    const gone = (): boolean => reply.raw.closed || reply.raw.destroyed;
    const held = this.take(gone() ? 0 : bytes);
    // `close` comes after the answer is sent, and when the client goes away: always, once.
    reply.raw.once("close", held.release);
    return (wanted) => {
      if (!gone()) held.growTo(wanted);
    };
  }

  /** Takes the bytes until they are released, or throws ERR_OVERLOADED. */
  take(bytes: number): HeldBytes {
    let held = 0;
    let released = false;
    const growTo = (wanted: number): void => {
      const more = wanted - held;
      if (more <= 0 || released) return;
      this.#admit(more, held);
      this.#held.add(more);
      held = wanted;
    };
    growTo(bytes);
    const release = (): void => {
      released = true;
      this.#held.remove(held);
      held = 0;
    };
    return { growTo, release };
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
