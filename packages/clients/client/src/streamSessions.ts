import { Backoff } from "@annals/flow";
import type { Caller } from "./caller.ts";
import { ClientError, invalidOptions } from "./clientError.ts";
import type { RecordStream } from "./recordStream.ts";

export const MAX_RECORDS = 1_000;
export const MAX_BYTES: number = 4 << 20;
/** A node speaks at least every ten seconds while it has credit. */
export const SILENCE_MS = 30_000;
const BACKOFF_INITIAL_MS = 50;
const BACKOFF_MAX_MS = 2_000;

export interface SessionsOptions<Stream extends RecordStream, T> {
  readonly caller: Caller;
  /** Aborted, it ends the sessions quietly. */
  readonly signal: AbortSignal | undefined;
  readonly open: (url: string) => Stream;
  /** Runs until its stream fails. `progress` says that the node serves: from then on outages are waited for. */
  readonly run: (stream: Stream, progress: () => void) => AsyncGenerator<T, void>;
  /** Codes after which it is tried again though the same request would not succeed. */
  readonly again?: readonly string[];
}

/** One stream after the other, at whatever node serves, each going on where the one before ended. Ends when a session returns. */
export async function* streamSessions<Stream extends RecordStream, T>(
  options: SessionsOptions<Stream, T>,
): AsyncGenerator<T, void> {
  const { caller, signal, open, run, again = [] } = options;
  const backoff = new Backoff({
    initialMs: BACKOFF_INITIAL_MS,
    maxMs: BACKOFF_MAX_MS,
    randomBelow: caller.randomBelow,
  });
  // Until a node has answered once it may be that there is none; later outages are waited for.
  let deadlineMs = caller.now() + caller.retryForMs;
  const progress = (): void => {
    deadlineMs = Number.POSITIVE_INFINITY;
    backoff.progress();
  };
  const aborted = (): boolean => signal?.aborted === true;
  while (!aborted()) {
    const url = caller.pick();
    const stream = open(url);
    const release = caller.onEnd(signal, (reason) => stream.close(reason));
    try {
      yield* run(stream, progress);
      return;
    } catch (error) {
      if (aborted()) return;
      if (!(error instanceof ClientError)) throw error;
      if (!error.retryable && !again.includes(error.code)) throw error;
      if (error.retryable) caller.failed(url);
      const waitMs = backoff.nextMs();
      if (caller.now() + waitMs >= deadlineMs) throw error;
      await caller.pause(waitMs, signal).catch((ended: unknown) => {
        if (!aborted()) throw ended;
      });
    } finally {
      release();
      stream.close();
    }
  }
}

/** What must be given and is, as a head has it. */
export function givenFields(
  fields: Readonly<Record<string, string | number | undefined>>,
): Readonly<Record<string, string | number>> {
  const given = Object.entries(fields);
  return Object.fromEntries(
    given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Throws ERR_CLIENT_OPTIONS for a limit below 1. */
export function assertLimits(limits: Readonly<Record<string, number>>): void {
  for (const [name, limit] of Object.entries(limits))
    if (!(limit >= 1)) throw invalidOptions(`${name} must be ≥ 1, got ${limit}`);
}
