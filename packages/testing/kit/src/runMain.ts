import { AnnalsError } from "@annals/record";

const INTERRUPTED = 130;

/**
 * Runs a program to its end. Its signal aborts at Ctrl-C or SIGTERM, or when nobody reads its output any more, so that it can end what it
 * has started; the second time does not ask.
 * What went wrong with a code is one line; anything else is a bug and is thrown.
 */
export async function runMain(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = (): void => {
    if (interrupt.signal.aborted) process.exit(INTERRUPTED);
    interrupt.abort();
  };
  process.on("SIGINT", onInterrupt).on("SIGTERM", onInterrupt);
  const onBroken = (): void => interrupt.abort();
  process.stdout.on("error", onBroken);
  try {
    await work(interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) process.exitCode = INTERRUPTED;
    else if (error instanceof AnnalsError) {
      console.error(`${error.message} (${error.code})`);
      process.exitCode = 1;
    } else throw error;
  } finally {
    process.off("SIGINT", onInterrupt).off("SIGTERM", onInterrupt);
    process.stdout.off("error", onBroken);
  }
}
