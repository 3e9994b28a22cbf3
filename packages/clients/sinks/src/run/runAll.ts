import type { SinkRunner } from "./runner.ts";

/**
 * Runs sinks until the signal aborts, or until none of them runs any more. One that has failed begins again when it is resumed, as long as
 * another one runs. Rejects with what the first of them failed with, if all have.
 */
export async function runAll(
  runners: readonly SinkRunner<unknown>[],
  signal: AbortSignal,
): Promise<void> {
  const failed = new Map<SinkRunner<unknown>, unknown>();
  const allFailed = new AbortController();
  const until = AbortSignal.any([signal, allFailed.signal]);
  const keep = async (runner: SinkRunner<unknown>): Promise<void> => {
    while (!until.aborted) {
      try {
        await runner.run(until);
      } catch (error) {
        failed.set(runner, error);
        if (failed.size === runners.length) allFailed.abort();
        await runner.resumed(until);
        if (!until.aborted) failed.delete(runner);
      }
    }
  };
  await Promise.all(runners.map(keep));
  const [first] = failed.values();
  if (first !== undefined && !signal.aborted) throw first;
}
