import { recordHash } from "../recordHash.ts";
import type { Sink } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import type { LogSource } from "./ports.ts";
import { classifyLogError, Failure } from "./stops.ts";

/** Calls the sink. Rejects with a `SinkError`, or with a `Failure` that says what its error means. */
export async function callSink<T>(
  sink: Pick<Sink<never>, "classify">,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof SinkError) throw error;
    throw new Failure("sink", sink.classify(error), error);
  }
}

/** Calls the log, or what may be at fault itself. Rejects with a `SinkError` or a `Failure`. */
export async function callLog<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Failure || error instanceof SinkError) throw error;
    throw new Failure("log", classifyLogError(error), error);
  }
}

/** Hash of a record of the log; empty for one that the log does not have. */
export async function hashAt(source: LogSource, seq: number, signal: AbortSignal): Promise<string> {
  const record = seq < 1 ? undefined : await source.record(seq, signal);
  return record === undefined ? "" : recordHash(record);
}
