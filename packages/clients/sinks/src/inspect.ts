import { AnnalsError } from "@annals/record";
import { messageOf } from "./messageOf.ts";
import { probeOthers } from "./run/probeOthers.ts";
import { hashAt } from "./run/calls.ts";
import { checkHistory } from "./run/history.ts";
import type { LogSource } from "./run/ports.ts";
import { Failure, needsMending, unreachable } from "./run/stops.ts";
import type { Sink, SinkCursor } from "./sink.ts";
import { SinkError } from "./sinkError.ts";

export interface Inspected<Mutation> {
  readonly name: string;
  readonly scope: string;
  readonly sink: Sink<Mutation>;
  readonly source: LogSource;
}

/**
 * Whether a runner could go on with a sink: opens the place, holds its cursor against the log, and tries whether the place takes records,
 * of which nothing stays. Resolves with the stored cursor. Rejects with what a runner would stop at, and ERR_SINK_UNREACHABLE for what it
 * would wait for.
 */
export async function inspect<Mutation>(
  inspected: Inspected<Mutation>,
  signal: AbortSignal,
): Promise<SinkCursor | undefined> {
  const { name, sink } = inspected;
  const who = `sink ${name} (${sink.target})`;
  try {
    const stored = await openChecked(inspected, who, signal);
    await assertTakes(inspected, who, stored, signal);
    return stored;
  } catch (error) {
    if (signal.aborted || error instanceof AnnalsError) throw error;
    const failure =
      error instanceof Failure ? error : new Failure("sink", sink.classify(error), error);
    if (failure.kind === "settings") throw needsMending(who, failure);
    throw unreachable(who, failure.cause);
  }
}

async function openChecked<Mutation>(
  { scope, sink, source }: Inspected<Mutation>,
  who: string,
  signal: AbortSignal,
): Promise<SinkCursor | undefined> {
  const stored = await sink.open(signal);
  if (stored === undefined) return undefined;
  const { firstSeq, lastSeq } = await source.range(signal);
  const { settings } = sink;
  // Its runner may be at work: this one does not take the place over.
  const epoch = Number.POSITIVE_INFINITY;
  const hash = (seq: number): Promise<string> => hashAt(source, seq, signal);
  await checkHistory(stored, { who, scope, settings, epoch, firstSeq, lastSeq, hashAt: hash });
  return stored;
}

async function assertTakes<Mutation>(
  { scope, sink, source }: Inspected<Mutation>,
  who: string,
  stored: SinkCursor | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { settings } = sink;
  const none = { seq: 0, part: 0, settings, epoch: 0, recordHash: "", scope, anchor: 0 };
  const { firstSeq } = await source.range(signal);
  const asked = {
    sink,
    source,
    cursor: stored ?? none,
    seq: firstSeq - 1,
    signal,
    mayArrive: false,
  };
  const { takesOthers, tried, refusal } = await probeOthers(asked);
  // A receiver may refuse a request without records and take others.
  if (takesOthers || tried === "" || sink.probing === "repeated") return;
  throw new SinkError(
    "ERR_SINK_REFUSED",
    `${who} takes no record (${tried}): ${messageOf(refusal)}`,
  );
}
