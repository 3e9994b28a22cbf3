import { setTimeout as sleep } from "node:timers/promises";
import { AnnalsError } from "@annals/record";
import type { Source } from "./source.ts";

const WAIT_INITIAL_MS = 1_000;
const WAIT_MAX_MS = 60_000;

export interface RunSourcesOptions {
  readonly sources: readonly Source[];
  readonly signal: AbortSignal;
  /** Told of each failure. `waitMs`: it is tried again after so long; undefined: it is not. */
  readonly onFailure: (source: Source, error: unknown, waitMs: number | undefined) => void;
  readonly waitInitialMs?: number;
}

/**
 * Runs sources until the signal aborts, or until none of them runs any more. One whose failure may be over by itself is run again. Rejects
 * with what the first of them failed with, if all have.
 */
export async function runSources(options: RunSourcesOptions): Promise<void> {
  const { sources, signal } = options;
  const failures: unknown[] = [];
  await Promise.all(
    sources.map(async (source) => {
      const failure = await keepRunning(source, options);
      if (failure !== undefined) failures.push(failure.error);
    }),
  );
  if (failures.length === sources.length && failures.length > 0 && !signal.aborted)
    throw failures[0];
}

async function keepRunning(
  source: Source,
  { signal, onFailure, waitInitialMs = WAIT_INITIAL_MS }: RunSourcesOptions,
): Promise<{ readonly error: unknown } | undefined> {
  let waitMs = waitInitialMs;
  while (!signal.aborted) {
    const { records } = source.status;
    try {
      await source.run(signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      const isTemporary = error instanceof AnnalsError && error.retryable;
      if (source.status.records > records) waitMs = waitInitialMs;
      onFailure(source, error, isTemporary ? waitMs : undefined);
      if (!isTemporary) return { error };
      // Between half and all of it, so that many do not come back at once.
      await sleep(waitMs * (1 - Math.random() / 2), undefined, { signal }).catch(() => undefined);
      waitMs = Math.min(WAIT_MAX_MS, waitMs * 2);
    }
  }
  return undefined;
}
