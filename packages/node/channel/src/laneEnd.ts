import { LOSSY_WAITING_MAX } from "@annals/flow";
import type { Gauge } from "@annals/flow";

/** What a lane needs of a thread's port: `Worker` and `MessagePort` both have it. */
export interface LanePort {
  postMessage(value: unknown, transfer: readonly ArrayBuffer[]): void;
  on(event: "message", listener: (value: unknown) => void): unknown;
}

/** One turn's worth of messages as the codec packs them, if there are any, and how many turns of the other side are newly handled. */
interface Parcel {
  readonly turn: readonly unknown[];
  readonly handled: number;
}

/** Turns on their way to the other thread: while it is busy, more gathers here, and whoever feeds the lane is told. */
const TURNS_IN_FLIGHT_MAX = 8;
/**
 * A post wakes the other thread, which costs as much as handling an append. That turns were handled is told with the next messages, and
 * by itself only once so many are untold, or after so many milliseconds.
 */
const UNTOLD_TURNS_MAX = 4;
const UNTOLD_MS = 5;
/** How the messages of a turn cross. */
export interface LaneCodec<Out, In> {
  /** What is posted for them, and which buffers of it move instead of being copied. */
  readonly pack: (turn: readonly Out[]) => {
    readonly turn: readonly unknown[];
    readonly transfer: readonly ArrayBuffer[];
  };
  /** What the other side has packed. */
  readonly unpack: (turn: readonly unknown[]) => readonly In[];
}

export interface LaneOptions<Out> {
  /** Counts the messages that wait for credit. */
  readonly waiting?: Gauge;
  /** Of the messages with the same key only the last one matters: those that wait give way to it. */
  readonly keyOf?: (message: Out) => string | undefined;
  /** Whether the message may be lost. */
  readonly lossy?: (message: Out) => boolean;
  /** The other side keeps up again; so many lossy messages were dropped since the last time. */
  readonly onRoom?: (dropped: number) => void;
}

/**
 * One end of the lane between the gateway and a worker. All messages of an event-loop turn travel as one post; a turn costs a credit that
 * comes back when the other side has handled it. What waits for credit is bounded by those who send: requests, frames and links are counted
 * and refused or paused, replies over links gather at their source, older news of the same thing gives way, and lines are dropped.
 */
export class LaneEnd<Out, In> {
  readonly #port: LanePort;
  readonly #codec: LaneCodec<Out, In>;
  readonly #options: LaneOptions<Out>;
  #waiting: Out[] = [];
  #lossyWaiting = 0;
  #dropped = 0;
  /** For each turn on its way, what to call when the other side has handled it. */
  readonly #inFlight: (readonly (() => void)[])[] = [];
  #whenHandled: (() => void)[] = [];
  /** Turns of the other side that were handled here and that it was not told of. */
  #untold = 0;
  #tellSoon: NodeJS.Timeout | undefined;
  #flushScheduled = false;
  #closed = false;

  constructor(
    port: LanePort,
    codec: LaneCodec<Out, In>,
    onMessage: (message: In) => void,
    options: LaneOptions<Out> = {},
  ) {
    this.#port = port;
    this.#codec = codec;
    this.#options = options;
    port.on("message", (value) => {
      if (!this.#closed) this.#received(value as Parcel, onMessage);
    });
  }

  /** The other thread does not keep up: send only what must not be lost. */
  get congested(): boolean {
    return this.#inFlight.length >= TURNS_IN_FLIGHT_MAX;
  }

  /** `whenHandled` is called when the other side has handled the message; never after `close`. */
  send(message: Out, whenHandled?: () => void): void {
    if (this.#closed || !this.#admitted(message)) return;
    this.#waiting.push(message);
    this.#options.waiting?.set(this.#waiting.length);
    if (whenHandled !== undefined) this.#whenHandled.push(whenHandled);
    if (this.#flushScheduled || this.congested) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#tellSoon);
    this.#waiting = [];
    this.#options.waiting?.set(0);
  }

  /** Makes room for the message; false when it is dropped. */
  #admitted(message: Out): boolean {
    const { keyOf, lossy } = this.#options;
    const key = keyOf?.(message);
    if (key !== undefined) {
      const older = this.#waiting.findIndex((one) => keyOf?.(one) === key);
      if (older >= 0) this.#waiting.splice(older, 1);
    }
    if (lossy?.(message) !== true) return true;
    if (this.#lossyWaiting >= LOSSY_WAITING_MAX) {
      this.#dropped++;
      return false;
    }
    this.#lossyWaiting++;
    return true;
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#closed || this.congested || this.#waiting.length === 0) return;
    const turn = this.#waiting;
    this.#waiting = [];
    this.#lossyWaiting = 0;
    this.#options.waiting?.set(0);
    this.#inFlight.push(this.#whenHandled);
    this.#whenHandled = [];
    this.#post(turn);
  }

  #post(messages: readonly Out[]): void {
    const handled = this.#untold;
    this.#untold = 0;
    clearTimeout(this.#tellSoon);
    this.#tellSoon = undefined;
    const { turn, transfer } = this.#codec.pack(messages);
    this.#port.postMessage({ turn, handled } satisfies Parcel, [...new Set(transfer)]);
  }

  #received({ turn, handled }: Parcel, onMessage: (message: In) => void): void {
    if (handled > 0) this.#handled(handled);
    if (turn.length === 0) return;
    for (const message of this.#codec.unpack(turn)) onMessage(message);
    if (++this.#untold >= UNTOLD_TURNS_MAX) this.#post([]);
    else this.#tellSoon ??= setTimeout(() => this.#post([]), UNTOLD_MS);
  }

  #handled(turns: number): void {
    const { congested } = this;
    for (const handled of this.#inFlight.splice(0, turns).flat()) handled();
    if (!congested || this.congested) return;
    this.#flush();
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#options.onRoom?.(dropped);
  }
}
