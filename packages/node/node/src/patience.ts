import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Backoff } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { diskRefusal } from "@annals/storage";
import type { Logger } from "pino";

const WAIT_INITIAL_MS = 100;
const WAIT_MAX_MS = 5000;

export interface PatienceOptions {
  /** What the work is about, if the error does not name its path. */
  readonly path: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Repeats `work` while the disk refuses it, and tells each change of the reason once. Rejects with anything else that the work rejects
 * with, and with ERR_NODE_STOPPING when `signal` ends the wait.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  { path, logger, signal }: PatienceOptions,
): Promise<T> {
  const backoff = new Backoff({
    initialMs: WAIT_INITIAL_MS,
    maxMs: WAIT_MAX_MS,
    randomBelow: randomInt,
  });
  let told = "";
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const refusal = diskRefusal(error, path);
      if (refusal === undefined) throw error;
      if (refusal.message !== told)
        logger.warn(
          { reason: refusal.message, code: refusal.code, ...refusal.details },
          "the disk refuses: tried again until it does not",
        );
      told = refusal.message;
    }
    await delay(backoff.nextMs(), undefined, { signal }).catch(() => undefined);
    if (signal.aborted)
      throw new AnnalsError("ERR_NODE_STOPPING", "stopped while the disk refused", {
        retryable: true,
      });
  }
}
