import { BenchError } from "../benchError.ts";
import type { Target } from "../cluster/target.ts";
import { buildLoad } from "./lanes.ts";
import type { LoadShape } from "./lanes.ts";

const FAILURES_MAX = 1_000;
const RETRY_MS = 20;

export interface FillOptions {
  readonly shape: LoadShape;
  /** At least so many are accepted in the end: whole requests. */
  readonly records: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (records: number) => void;
}

/** Appends a number of records as fast as they are taken. Returns how many were accepted. */
export async function fill(target: Target, options: FillOptions): Promise<number> {
  const { shape, records, signal, onProgress } = options;
  const { lanes } = buildLoad(shape, target.log, await target.addresses());
  const done = Promise.withResolvers<void>();
  const abort = (): void => done.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let toSend = Math.ceil(records / shape.recordsPerRequest);
  let [underway, accepted, failures] = [0, 0, 0];
  const send = (lane: (typeof lanes)[number], slot: number): void => {
    if (toSend === 0) {
      if (underway === 0) done.resolve();
      return;
    }
    toSend--;
    underway++;
    lane.send(slot);
  };
  try {
    signal.throwIfAborted();
    for (const lane of lanes) {
      await lane.open((slot, outcome) => {
        underway--;
        if (outcome.kind === "accepted") {
          accepted += outcome.count;
          onProgress?.(accepted);
          send(lane, slot);
          return;
        }
        toSend++;
        if (++failures > FAILURES_MAX)
          done.reject(
            new BenchError("ERR_BENCH_CLUSTER", `the log cannot be filled: ${outcome.code}`),
          );
        else setTimeout(() => send(lane, slot), RETRY_MS);
      });
    }
    for (const lane of lanes) for (let slot = 0; slot < lane.slots; slot++) send(lane, slot);
    await done.promise;
    return accepted;
  } finally {
    signal.removeEventListener("abort", abort);
    // Whatever is settled by closing is not sent again.
    toSend = 0;
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}
