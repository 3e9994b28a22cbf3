import { BenchError } from "../benchError.ts";
import type { Target } from "../cluster/target.ts";
import type { Carrier } from "./carrier.ts";
import { buildLoad } from "./buildLoad.ts";
import type { LoadShape } from "./buildLoad.ts";

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
  const { carriers } = buildLoad(shape, target.log, await target.addresses());
  return fillCarriers(carriers, Math.ceil(records / shape.recordsPerRequest), signal, onProgress);
}

/** Sends until so many requests were accepted, in a closed loop; returns their records. The carriers are closed afterwards. */
export async function fillCarriers(
  carriers: readonly Carrier[],
  requests: number,
  signal: AbortSignal,
  onProgress: (records: number) => void = () => undefined,
): Promise<number> {
  const done = Promise.withResolvers<void>();
  const abort = (): void => done.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  let toSend = requests;
  let [toSettle, records, failures] = [requests, 0, 0];
  const send = (carrier: Carrier, slot: number): void => {
    if (toSend === 0) return;
    toSend--;
    carrier.send(slot);
  };
  try {
    signal.throwIfAborted();
    for (const carrier of carriers) {
      await carrier.open((slot, outcome) => {
        if (outcome.kind === "accepted") {
          records += outcome.count;
          onProgress(records);
          if (--toSettle === 0) done.resolve();
          else send(carrier, slot);
        } else if (++failures <= FAILURES_MAX) {
          toSend++;
          setTimeout(() => send(carrier, slot), RETRY_MS);
        } else
          done.reject(new BenchError("ERR_BENCH_CLUSTER", `it takes nothing: ${outcome.code}`));
      });
    }
    for (const carrier of carriers)
      for (let slot = 0; slot < carrier.slots; slot++) send(carrier, slot);
    await done.promise;
    return records;
  } finally {
    signal.removeEventListener("abort", abort);
    // Whatever is settled by closing is not sent again.
    toSend = 0;
    await Promise.all(carriers.map((carrier) => carrier.close()));
  }
}
