import { Gauge, WORKER_FRAMES_MAX } from "@annals/flow";
import type { GaugeFamily, GaugeReading, PauseGate, Release } from "@annals/flow";

const REASON = "worker-budget";

/**
 * The bytes that all links of one worker have brought and that are not flushed. Each link has a cap of its own; this one bounds their sum,
 * since a worker that takes over many logs at once has many links. At the cap every link is paused, so that each exceeds it by one frame at
 * most; at half they go on together. The bytes outlive their link: they count until the worker lets go of them.
 */
export class QueueBudget {
  readonly #gauge: Gauge;
  readonly #frames = new Gauge(WORKER_FRAMES_MAX);
  readonly #holds = new Map<PauseGate, Release | undefined>();

  constructor(capBytes: number, family?: GaugeFamily) {
    this.#gauge = new Gauge(capBytes, family);
  }

  get #full(): boolean {
    return this.#gauge.full || this.#frames.full;
  }

  read(): GaugeReading {
    return this.#gauge.read();
  }

  /** Links that are bounded now. */
  get links(): number {
    return this.#holds.size;
  }

  /** A link begins; one that comes while the budget is full waits with the others. */
  join(gate: PauseGate): void {
    this.#holds.set(gate, this.#full ? gate.hold(REASON) : undefined);
  }

  /** A link is gone, what it brought is not. */
  leave(gate: PauseGate): void {
    this.#holds.get(gate)?.();
    this.#holds.delete(gate);
  }

  /** A frame of so many bytes has come. */
  add(bytes: number): void {
    this.#gauge.add(bytes);
    this.#frames.add(1);
    if (!this.#full) return;
    for (const [gate, release] of this.#holds)
      if (release === undefined) this.#holds.set(gate, gate.hold(REASON));
  }

  /** So many frames of so many bytes together are done with. */
  remove(bytes: number, frames = 1): void {
    this.#gauge.remove(bytes);
    this.#frames.remove(frames);
    if (!this.#full) this.#resume();
  }

  /** The worker has ended, and what it held with it. */
  clear(): void {
    this.#gauge.set(0);
    this.#frames.set(0);
    this.#resume();
  }

  #resume(): void {
    for (const [gate, release] of this.#holds) {
      if (release === undefined) continue;
      this.#holds.set(gate, undefined);
      release();
    }
  }
}
