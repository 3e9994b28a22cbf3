import type { LogSource, RunnerClock } from "./ports.ts";
import type { SinkMeter } from "./status.ts";

/** However often a status is asked for, the log is asked once in so long. */
const PACE_MS = 1_000;
/** A status does not wait for longer; it then has the end that was known before. */
const TIMEOUT_MS = 2_000;

/**
 * Measures how far a sink is behind when somebody asks, so that the lag of one that reads nothing rises with its log: a sink that has
 * failed, is paused, or is in a long transaction.
 */
export class LogEnd {
  readonly #source: LogSource;
  readonly #clock: RunnerClock;
  readonly #meter: SinkMeter;
  #askedMs = Number.NEGATIVE_INFINITY;
  #answer: Promise<void> = Promise.resolve();

  constructor(source: LogSource, clock: RunnerClock, meter: SinkMeter) {
    this.#source = source;
    this.#clock = clock;
    this.#meter = meter;
  }

  /** Resolves when the meter knows where the log ends, or the log does not say. Never rejects. */
  measure(): Promise<void> {
    const nowMs = this.#clock.now();
    if (nowMs - this.#askedMs >= PACE_MS) {
      this.#askedMs = nowMs;
      // If the log is away, nobody knows more than before.
      this.#answer = this.#ask(AbortSignal.timeout(TIMEOUT_MS)).catch(() => undefined);
    }
    return this.#answer;
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { firstSeq, lastSeq } = await this.#source.range(signal);
    this.#meter.logEnds(lastSeq);
    const { waitsFrom } = this.#meter;
    if (waitsFrom === undefined) return;
    const oldest = await this.#source.record(Math.max(waitsFrom, firstSeq), signal);
    if (oldest !== undefined) this.#meter.oldestWaits(waitsFrom, oldest);
  }
}
