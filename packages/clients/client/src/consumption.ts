import type { Caller } from "./caller.ts";
import { HeldLaneStream } from "./heldLaneStream.ts";
import { merged } from "./merged.ts";
import { randomId } from "./randomId.ts";
import {
  assertLimits,
  givenFields,
  MAX_BYTES,
  MAX_RECORDS,
  SILENCE_MS,
  streamSessions,
} from "./streamSessions.ts";
import type { ConsumedBatch, ConsumeOptions } from "./types.ts";

/** A member of its name each: the lanes of one process are not taken from one another. */
const memberOf = (name: string, number: number): string =>
  number === 0 ? name : `${name}/${number}`;

/** See `AnnalsClient.consume`. */
export async function* consume(
  caller: Caller,
  log: string,
  group: string,
  options: ConsumeOptions,
): AsyncGenerator<ConsumedBatch, void> {
  const { hold = 1, maxUnacked = MAX_RECORDS, maxBytes = MAX_BYTES } = options;
  assertLimits({ hold, maxUnacked, maxBytes });
  const { signal, member = randomId(), settings, lanes, from } = options;
  const { actor, action, target, tenant, laneKey } = options;
  const filter = { actor, action, target, tenant, laneKey };
  const fields = givenFields({ log, group, settings, lanes, from, ...filter });
  const ended = new AbortController();
  const ending = AbortSignal.any([ended.signal, ...(signal === undefined ? [] : [signal])]);
  const laneBatches = (number: number): AsyncGenerator<ConsumedBatch, void> =>
    streamSessions({
      caller,
      signal: ending,
      open: (url) =>
        new HeldLaneStream({
          url,
          request: { kind: "consume", ...fields, member: memberOf(member, number) },
          maxRecords: maxUnacked,
          maxBytes,
          silenceMs: SILENCE_MS,
          wideNumbers: caller.wideNumbers,
          transport: caller.transport,
        }),
      run: (stream, progress) => stream.batches(progress),
      again: ["ERR_GROUP_FENCED"],
    });
  try {
    yield* merged(Array.from({ length: hold }, (_, number) => laneBatches(number)));
  } finally {
    ended.abort();
  }
}
