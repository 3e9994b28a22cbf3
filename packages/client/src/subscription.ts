import { Backoff } from "@annals/flow";
import type { Caller } from "./caller.ts";
import { ClientError } from "./clientError.ts";
import { RecordStream } from "./recordStream.ts";
import type { StoredRecord, SubscribeOptions } from "./types.ts";

const MAX_RECORDS = 1_000;
const MAX_BYTES = 4 << 20;
/** A node speaks at least every ten seconds while it has credit. */
const SILENCE_MS = 30_000;
const BACKOFF_INITIAL_MS = 50;
const BACKOFF_MAX_MS = 2_000;

/** See `AnnalsClient.subscribe`. */
export async function* subscribe(
  caller: Caller,
  log: string,
  options: SubscribeOptions,
): AsyncGenerator<StoredRecord, void> {
  const { signal, maxRecords = MAX_RECORDS, maxBytes = MAX_BYTES } = options;
  for (const [name, limit] of Object.entries({ maxRecords, maxBytes }))
    if (!(limit >= 1)) throw new RangeError(`${name} must be ≥ 1, got ${limit}`);
  const backoff = new Backoff({
    initialMs: BACKOFF_INITIAL_MS,
    maxMs: BACKOFF_MAX_MS,
    randomBelow: caller.randomBelow,
  });
  let from = options.from ?? "first";
  // Until a node has answered once it may be that there is none; later outages are waited for.
  let deadlineMs = caller.now() + caller.retryForMs;
  const aborted = (): boolean => signal?.aborted === true;
  while (!aborted()) {
    const url = caller.pick();
    const stream = new RecordStream({
      url,
      subscribe: { log, from, ...filterOf(options) },
      maxRecords,
      maxBytes,
      silenceMs: SILENCE_MS,
    });
    const release = caller.onEnd(signal, (reason) => stream.close(reason));
    try {
      for (;;) {
        const delivery = await stream.next();
        for (const record of delivery.records) {
          if (aborted()) return;
          yield record;
        }
        from = delivery.to + 1;
        deadlineMs = Number.POSITIVE_INFINITY;
        backoff.progress();
        stream.took(delivery);
      }
    } catch (error) {
      if (aborted()) return;
      if (!(error instanceof ClientError) || !error.retryable) throw error;
      caller.failed(url);
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

function filterOf(options: SubscribeOptions): Readonly<Record<string, string>> {
  const { actor, action, target, tenant, lane, laneKey } = options;
  const given = Object.entries({ actor, action, target, tenant, lane, laneKey });
  return Object.fromEntries(
    given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
