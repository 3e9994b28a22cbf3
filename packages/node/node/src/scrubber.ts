import { randomInt } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeDamaged, scrubLog } from "@annals/storage";
import type { Logger } from "pino";
import type { NodeConfig } from "@annals/config";
import type { LogPlace } from "./logDirectory.ts";

export interface ScrubberOptions {
  readonly config: NodeConfig;
  readonly logger: Logger;
  readonly places: () => readonly LogPlace[];
  /** The log is damaged: it has to be closed and repaired. */
  readonly onDamage: (place: LogPlace, what: string) => void;
}

/** The last time that everything was read. */
export interface ScrubStatus {
  /** RFC 3339; undefined before the first one. */
  readonly finishedAt: string | undefined;
  /** Logs that were read whole. */
  readonly logs: number;
  /** Of these, the ones that were damaged. */
  readonly damaged: number;
}

/** Of the interval, as the width of the jitter: nodes that were started together do not read together. */
const JITTER = 0.1;

/** Reads everything that this node stores, again and again, in the background: what nobody reads would rot unseen, copy after copy. */
export class Scrubber {
  readonly #options: ScrubberOptions;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  #status: ScrubStatus = { finishedAt: undefined, logs: 0, damaged: 0 };

  constructor(options: ScrubberOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  status(): ScrubStatus {
    return this.#status;
  }

  /** Resolves when no child of it reads any more. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      await delay(this.#nextMs(), undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await this.#round();
    }
  }

  #nextMs(): number {
    const { scrubInterval } = this.#options.config.storage;
    const width = Math.min(2 ** 40, Math.max(1, Math.floor(2 * JITTER * scrubInterval)));
    return Math.min(MAX_DELAY_MS, (1 - JITTER) * scrubInterval + randomInt(width));
  }

  async #round(): Promise<void> {
    const { logger, places } = this.#options;
    let logs = 0;
    let damaged = 0;
    for (const place of places()) {
      const found = await this.#log(place).catch((error: unknown) => {
        logger.warn({ err: error, log: place.entry.name }, "scrub failed");
        return undefined;
      });
      if (this.#end.signal.aborted) return;
      if (found === undefined) continue;
      logs += 1;
      damaged += found ? 1 : 0;
    }
    this.#status = { finishedAt: new Date().toISOString(), logs, damaged };
    logger.info({ logs, damaged }, "scrub finished");
  }

  /** Whether the log is damaged; undefined when it was not read. */
  async #log(place: LogPlace): Promise<boolean | undefined> {
    const { config, logger, onDamage } = this.#options;
    if (!place.opened) return undefined;
    const directory = join(config.data, "logs", String(place.entry.id));
    const problems = await scrubLog(directory, this.#end.signal);
    if (problems === undefined || !place.opened) return undefined;
    const [first] = problems;
    if (first === undefined) {
      await removeDamaged(directory);
      return false;
    }
    logger.warn({ log: place.entry.name, problems: problems.slice(0, 5) }, "scrub found damage");
    onDamage(place, first);
    return true;
  }
}

/** What a timer takes. */
const MAX_DELAY_MS = 2 ** 31 - 1;
