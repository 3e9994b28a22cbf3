import { recordHash } from "../recordHash.ts";
import type { Sink, SinkCursor } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { packChunks } from "./chunkPacker.ts";
import type { ChunkCaps } from "./chunkPacker.ts";
import type { LogSource } from "./ports.ts";

/**
 * Writes a record that the cursor has passed, and leaves the cursor where it is. So if no answer comes, it is not known whether the record
 * is written. Rejects with what the sink says, or with ERR_SINK_NO_RECORD: also for a record of
 * another lane.
 */
export async function retryDeadLetter<Mutation>(
  sink: Sink<Mutation>,
  source: LogSource,
  cursor: SinkCursor,
  seq: number,
  caps: ChunkCaps,
  signal: AbortSignal,
): Promise<void> {
  const own = source.ownRecord?.bind(source) ?? source.record.bind(source);
  const record = seq <= cursor.seq ? await own(seq, signal) : undefined;
  if (record === undefined)
    throw new SinkError("ERR_SINK_NO_RECORD", `record ${seq} was not passed by this sink`);
  const planned = [{ seq, hash: recordHash(record), mutations: sink.plan(record) }];
  const from = { ...cursor, seq: seq - 1, part: 0 };
  for (const chunk of packChunks(
    planned,
    from,
    () => caps,
    (mutation) => sink.weigh(mutation),
  ))
    await sink.apply({ ...chunk, expected: cursor, next: cursor, records: 0 }, signal);
}
