/** What a lane needs of a thread's port: `Worker` and `MessagePort` both have it. */
export interface LanePort {
  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (value: unknown) => void): unknown;
}

/** One turn's worth of messages, or the news that the other side has handled one. */
type Parcel<T> = { readonly turn: readonly T[] } | { readonly handled: true };

/** Turns on their way to the other thread: while it is busy, more gathers here, and whoever feeds the lane is told. */
const TURNS_IN_FLIGHT_MAX = 8;

/** The buffers of a message that move to the other thread instead of being copied. */
export type Transferables<T> = (message: T) => readonly ArrayBuffer[];

/**
 * One end of the lane between the gateway and a worker. All messages of an event-loop turn travel as one post; a turn costs a credit that
 * comes back when the other side has handled it. What waits for credit is bounded by those who send: each source has a cap of its own, and
 * messages that may be lost are dropped by `congested`.
 */
export class LaneEnd<Out, In> {
  readonly #port: LanePort;
  readonly #transferables: Transferables<Out>;
  #waiting: Out[] = [];
  /** For each turn on its way, what to call when the other side has handled it. */
  readonly #inFlight: (readonly (() => void)[])[] = [];
  #whenHandled: (() => void)[] = [];
  #flushScheduled = false;
  #closed = false;

  constructor(port: LanePort, transferables: Transferables<Out>, onMessage: (message: In) => void) {
    this.#port = port;
    this.#transferables = transferables;
    port.on("message", (value) => {
      if (!this.#closed) this.#received(value as Parcel<In>, onMessage);
    });
  }

  /** The other thread does not keep up: send only what must not be lost. */
  get congested(): boolean {
    return this.#inFlight.length >= TURNS_IN_FLIGHT_MAX;
  }

  /** `whenHandled` is called when the other side has handled the message; never after `close`. */
  send(message: Out, whenHandled?: () => void): void {
    if (this.#closed) return;
    this.#waiting.push(message);
    if (whenHandled !== undefined) this.#whenHandled.push(whenHandled);
    if (this.#flushScheduled || this.congested) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#closed || this.congested || this.#waiting.length === 0) return;
    const turn = this.#waiting;
    this.#waiting = [];
    this.#inFlight.push(this.#whenHandled);
    this.#whenHandled = [];
    this.#port.postMessage({ turn }, [
      ...new Set(turn.flatMap((message) => this.#transferables(message))),
    ]);
  }

  #received(parcel: Parcel<In>, onMessage: (message: In) => void): void {
    if ("handled" in parcel) {
      for (const handled of this.#inFlight.shift() ?? []) handled();
      this.#flush();
      return;
    }
    for (const message of parcel.turn) onMessage(message);
    this.#port.postMessage({ handled: true }, []);
  }
}
