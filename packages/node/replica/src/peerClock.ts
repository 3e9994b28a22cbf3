import { CLOCK_SAMPLES_MAX } from "@annals/flow";
import type { ClockSample } from "./clockSample.ts";

/** A clock that was not heard of for longer is not counted. */
export const CLOCK_FRESH_MS = 10_000;
/** Clocks that are slewed drift apart by less between two samples that are kept. */
const DRIFT_MS = 50;

/** The clock of one peer, by its last samples. The one of the shortest round trip counts, as long as all tell the same. */
export class PeerClock {
  #samples: readonly ClockSample[] = [];

  add(sample: ClockSample): void {
    // One that contradicts those before shows that a clock was set, or that this machine slept: what was known is void.
    const kept = this.#samples.every((before) => agree(before, sample)) ? this.#samples : [];
    this.#samples = [...kept, sample].slice(-CLOCK_SAMPLES_MAX);
  }

  /** The most certain of the fresh samples; undefined when there is none. */
  best(nowMs: number): ClockSample | undefined {
    return this.#samples
      .filter(({ atMs }) => nowMs - atMs <= CLOCK_FRESH_MS)
      .toSorted((a, b) => a.uncertaintyMs - b.uncertaintyMs || b.atMs - a.atMs)[0];
  }
}

function agree(a: ClockSample, b: ClockSample): boolean {
  const apartMs = Math.abs(a.originMs - b.originMs);
  return apartMs <= a.uncertaintyMs + b.uncertaintyMs + DRIFT_MS;
}
