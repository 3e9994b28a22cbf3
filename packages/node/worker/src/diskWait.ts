import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@annals/flow";
import type { AnnalsError } from "@annals/record";

export interface DiskWaitOptions {
  /** The reason for the status of the node; undefined when there is none any more. */
  readonly onRefusal: (reason: string | undefined) => void;
  readonly onLine: (
    level: "info" | "warn",
    text: string,
    fields: Readonly<Record<string, unknown>>,
  ) => void;
}

const WAIT_INITIAL_MS = 100;
const WAIT_MAX_MS = 5000;

/** Waits until a disk that refuses may be tried again, and tells each change of the reason once. */
export class DiskWait {
  readonly #options: DiskWaitOptions;
  readonly #backoff = new Backoff({
    initialMs: WAIT_INITIAL_MS,
    maxMs: WAIT_MAX_MS,
    randomBelow: randomInt,
  });
  readonly #stopping = new AbortController();
  #refusal: AnnalsError | undefined;

  constructor(options: DiskWaitOptions) {
    this.#options = options;
  }

  /** What was met last; undefined when the last try went well. */
  get refusal(): AnnalsError | undefined {
    return this.#refusal;
  }

  /** Resolves when it is time for the next try, or after `stop`. */
  async wait(refusal: AnnalsError): Promise<void> {
    if (this.#refusal?.message !== refusal.message) {
      const { code, message: reason, details } = refusal;
      this.#options.onLine("warn", "the disk refuses: tried again until it does not", {
        code,
        reason,
        ...details,
      });
      this.#options.onRefusal(reason);
    }
    this.#refusal = refusal;
    const { signal } = this.#stopping;
    await delay(this.#backoff.nextMs(), undefined, { signal }).catch(() => undefined);
  }

  /** The last try went well. */
  over(): void {
    this.#backoff.progress();
    if (this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.#options.onLine("info", "the disk does not refuse any more", {});
    this.#options.onRefusal(undefined);
  }

  stop(): void {
    this.#stopping.abort();
  }
}
