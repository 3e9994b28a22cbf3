import type { Held, Sink } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import type { LogSource } from "./ports.ts";

export interface HeldStretch {
  /** What is held up to here is all in it. */
  readonly to: number;
  readonly held: readonly Held[];
}

export interface Holder<Mutation> {
  readonly name: string;
  readonly sink: Sink<Mutation>;
  readonly source: LogSource;
  /** Bytes of records that are read at a time. */
  readonly readBytes: number;
}

/** What a sink's place holds of [from, to], or of its beginning. Rejects with ERR_SINK_NO_COMPARE where it keeps nothing. */
export async function heldOf<Mutation>(
  { name, sink, source, readBytes }: Holder<Mutation>,
  from: number,
  to: number,
  signal: AbortSignal,
): Promise<HeldStretch> {
  if (sink.held === undefined)
    throw new SinkError(
      "ERR_SINK_NO_COMPARE",
      `sink ${name} (${sink.target}) keeps nothing that could be compared: ask its receiver what it has`,
    );
  const reading = await source.read(from, readBytes, 0, signal);
  const end = Math.min(to, Math.max(from, reading.to));
  const records = reading.records.filter(({ seq }) => seq <= end);
  return { to: end, held: await sink.held({ from, to: end, records }, signal) };
}
