import type { Caller } from "./caller.ts";
import { RecordStream } from "./recordStream.ts";
import {
  assertLimits,
  givenFields,
  MAX_BYTES,
  MAX_RECORDS,
  SILENCE_MS,
  streamSessions,
} from "./streamSessions.ts";
import type { StoredRecord, SubscribeOptions } from "./types.ts";

/** See `AnnalsClient.subscribe`. */
export async function* subscribe(
  caller: Caller,
  log: string,
  options: SubscribeOptions,
): AsyncGenerator<StoredRecord, void> {
  const { signal, maxRecords = MAX_RECORDS, maxBytes = MAX_BYTES } = options;
  assertLimits({ maxRecords, maxBytes });
  const { actor, action, target, tenant, lane, laneKey } = options;
  const filter = givenFields({ actor, action, target, tenant, lane, laneKey });
  let from = options.from ?? "first";
  yield* streamSessions({
    caller,
    signal,
    open: (url) =>
      new RecordStream({
        url,
        request: { kind: "subscribe", log, from, ...filter },
        maxRecords,
        maxBytes,
        silenceMs: SILENCE_MS,
        wideNumbers: caller.wideNumbers,
        transport: caller.transport,
      }),
    run: async function* (stream, progress) {
      for (;;) {
        const delivery = await stream.next();
        for (const record of delivery.records) {
          if (signal?.aborted === true) return;
          yield record;
        }
        from = delivery.to + 1;
        progress();
        stream.took(delivery);
      }
    },
  });
}
