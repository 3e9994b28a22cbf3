import { monitorEventLoopDelay } from "node:perf_hooks";
import type { IntervalHistogram } from "node:perf_hooks";

const RESOLUTION_MS = 10;
/** Two readers must not take each other's figures away: a reading stands for so long at least. */
const WINDOW_MS = 10_000;
const NANOSECONDS = 1e9;

/** How much later than planned the main thread came to its work, in seconds. */
export interface DelayReading {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Watches the event loop of this thread until it is closed. */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #beganMs = performance.now();

  constructor() {
    this.#histogram.enable();
  }

  /** Of the last ten seconds at least: since the first reading that was ten seconds after another one. */
  read(): DelayReading {
    const seconds = (nanoseconds: number): number =>
      Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1000);
    const reading = {
      p50: seconds(this.#histogram.percentile(50)),
      p99: seconds(this.#histogram.percentile(99)),
      max: seconds(this.#histogram.max),
    };
    if (performance.now() - this.#beganMs >= WINDOW_MS) {
      this.#histogram.reset();
      this.#beganMs = performance.now();
    }
    return reading;
  }

  close(): void {
    this.#histogram.disable();
  }
}
