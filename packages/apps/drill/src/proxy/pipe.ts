import type { Socket } from "node:net";
import type { Direction } from "./direction.ts";

/** Time, which a test owns. */
export interface ProxyClock {
  /** Milliseconds; never goes back. */
  now(): number;
  /** Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}

interface Piece {
  /** Undefined: the end of the stream. */
  readonly bytes: Uint8Array | undefined;
  dueMs: number;
}

/** Bytes that wait in the proxy; beyond them the sender's socket is not read, as a full window would have it. */
export const PIPE_BYTES_MAX: number = 256 * 1024;
/** What a lost piece costs: the least time after which TCP repeats it. */
const REPEAT_MS = 200;
/** One in so many lost pieces is lost for good: the connection is cut. */
const CUT_CHANCE = 0.1;

/** One direction of one connection: in order, as late as its `Direction` says, and never more than `PIPE_BYTES_MAX` on the way. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #direction: Direction;
  readonly #clock: ProxyClock;
  readonly #onLost: () => void;
  readonly #unlisten: () => void;
  readonly #pieces: Piece[] = [];
  #bytes = 0;
  /** When the line is free again at the present speed. */
  #freeMs = 0;
  #lastDueMs = 0;
  #draining = false;
  #cancel: (() => void) | undefined;

  constructor(
    from: Socket,
    to: Socket,
    direction: Direction,
    clock: ProxyClock,
    onLost: () => void,
  ) {
    this.#from = from;
    this.#to = to;
    this.#direction = direction;
    this.#clock = clock;
    this.#onLost = onLost;
    this.#unlisten = direction.listen(() => this.#changed());
    from.on("data", (bytes: Uint8Array) => this.#take(bytes));
    from.on("end", () => this.#take(undefined));
    to.on("drain", () => {
      this.#draining = false;
      this.#pump();
    });
  }

  /** Bytes that wait here. */
  get bytes(): number {
    return this.#bytes;
  }

  close(): void {
    this.#unlisten();
    this.#cancel?.();
    this.#pieces.length = 0;
    this.#bytes = 0;
  }

  #take(bytes: Uint8Array | undefined): void {
    const { delayMs, bytesPerSecond, loss } = this.#direction;
    this.#direction.pass();
    const now = this.#clock.now();
    let lateMs = delayMs;
    if (loss > 0 && this.#clock.random() < loss) {
      if (this.#clock.random() < CUT_CHANCE) {
        this.#onLost();
        return;
      }
      lateMs += REPEAT_MS;
    }
    const length = bytes?.length ?? 0;
    this.#freeMs = Math.max(this.#freeMs, now) + (length * 1000) / bytesPerSecond;
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#freeMs + lateMs);
    this.#pieces.push({ bytes, dueMs: this.#lastDueMs });
    this.#bytes += length;
    if (this.#bytes > PIPE_BYTES_MAX) this.#from.pause();
    this.#pump();
  }

  /** What waits is due no later than if it had just come. */
  #changed(): void {
    const { delayMs, bytesPerSecond } = this.#direction;
    const latestMs = this.#clock.now() + delayMs;
    if (bytesPerSecond === Number.POSITIVE_INFINITY) {
      this.#freeMs = 0;
      this.#lastDueMs = Math.min(this.#lastDueMs, latestMs);
      for (const piece of this.#pieces) piece.dueMs = Math.min(piece.dueMs, latestMs);
    }
    this.#pump();
  }

  #pump(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (;;) {
      const [piece] = this.#pieces;
      if (piece === undefined || this.#draining || this.#direction.stalled) return;
      const waitMs = piece.dueMs - this.#clock.now();
      if (waitMs > 0) {
        this.#cancel = this.#clock.after(waitMs, () => this.#pump());
        return;
      }
      this.#pieces.shift();
      this.#give(piece.bytes);
    }
  }

  #give(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) {
      this.#to.end();
      return;
    }
    this.#bytes -= bytes.length;
    // The receiver's window counts, too: what it does not take waits here, and then at the sender.
    if (!this.#to.write(bytes)) this.#draining = true;
    if (this.#bytes <= PIPE_BYTES_MAX / 2) this.#from.resume();
  }
}
