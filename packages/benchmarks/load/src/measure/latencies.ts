import { createHistogram } from "node:perf_hooks";

/** Times in milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

const FIGURES = 3;
const HIGHEST_US = 3_600_000_000;

/** How long things took, in constant space: an HDR histogram of microseconds, exact to a thousandth, up to an hour. */
export class Latencies {
  readonly #histogram = createHistogram({ lowest: 1, highest: HIGHEST_US, figures: FIGURES });

  add(ms: number): void {
    this.#histogram.record(Math.min(HIGHEST_US, Math.max(1, Math.round(ms * 1000))));
  }

  summary(): LatencySummary {
    const histogram = this.#histogram;
    const at = (percent: number): number =>
      histogram.count === 0 ? 0 : histogram.percentile(percent) / 1000;
    return {
      count: histogram.count,
      meanMs: histogram.count === 0 ? 0 : Math.round(histogram.mean) / 1000,
      p50Ms: at(50),
      p90Ms: at(90),
      p99Ms: at(99),
      p999Ms: at(99.9),
      maxMs: histogram.count === 0 ? 0 : histogram.max / 1000,
    };
  }
}
