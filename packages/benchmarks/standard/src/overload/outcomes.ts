import type { Outcome } from "@annals/load";

/** Counts what became of requests in one phase, and how long the accepted ones took. */
export class Outcomes {
  readonly #beganMs = performance.now();
  #lastAcceptedMs = this.#beganMs;
  readonly #latenciesMs: number[] = [];
  readonly #others = new Map<string, number>();
  /** Requests that found every connection busy and were not sent. */
  unsent = 0;
  offered = 0;

  add(outcome: Outcome, tookMs: number): void {
    if (outcome.kind === "accepted") {
      this.#latenciesMs.push(tookMs);
      this.#lastAcceptedMs = performance.now();
    } else this.#others.set(outcome.code, (this.#others.get(outcome.code) ?? 0) + 1);
  }

  get accepted(): number {
    return this.#latenciesMs.length;
  }

  /** Until the last one was accepted: refusals may be answered long after nothing is asked any more. */
  get acceptedSeconds(): number {
    return (this.#lastAcceptedMs - this.#beganMs) / 1000;
  }

  /** Not accepted, by code. */
  get others(): ReadonlyMap<string, number> {
    return this.#others;
  }

  /** `share` from 0 to 1, in ms; 0 when nothing was accepted. */
  percentile(share: number): number {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }
}
