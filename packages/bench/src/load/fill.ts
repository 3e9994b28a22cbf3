import { BenchError } from "../benchError.ts";
import type { Target } from "../cluster/target.ts";
import type { Lane } from "./lane.ts";
import { buildLoad } from "./lanes.ts";
import type { LoadShape } from "./lanes.ts";

/** What may be refused before the log counts as one that takes nothing. */
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
  return fillLanes(lanes, Math.ceil(records / shape.recordsPerRequest), signal, onProgress);
}

/** Sends until so many requests were accepted, in a closed loop; returns their records. The lanes are closed afterwards. */
export async function fillLanes(
  lanes: readonly Lane[],
  requests: number,
  signal: AbortSignal,
  onProgress: (records: number) => void = () => undefined,
): Promise<number> {
  const done = Promise.withResolvers<void>();
  const abort = (): void => done.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let toSend = requests;
  let [toSettle, records, failures] = [requests, 0, 0];
  const send = (lane: Lane, slot: number): void => {
    if (toSend === 0) return;
    toSend--;
    lane.send(slot);
  };
  try {
    signal.throwIfAborted();
    for (const lane of lanes) {
      await lane.open((slot, outcome) => {
        if (outcome.kind === "accepted") {
          records += outcome.count;
          onProgress(records);
          if (--toSettle === 0) done.resolve();
          else send(lane, slot);
        } else if (++failures <= FAILURES_MAX) {
          toSend++;
          setTimeout(() => send(lane, slot), RETRY_MS);
        } else
          done.reject(new BenchError("ERR_BENCH_CLUSTER", `it takes nothing: ${outcome.code}`));
      });
    }
    for (const lane of lanes) for (let slot = 0; slot < lane.slots; slot++) send(lane, slot);
    await done.promise;
    return records;
  } finally {
    signal.removeEventListener("abort", abort);
    // Whatever is settled by closing is not sent again.
    toSend = 0;
    await Promise.all(lanes.map((lane) => lane.close()));
  }
}
