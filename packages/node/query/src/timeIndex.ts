import { batchHolding } from "./batchHolding.ts";
import type { RecordSource } from "./recordSource.ts";

/**
 * The first seq in [low, high] that was recorded at `time` or later; high + 1 if there is none. Bisects over batches: `recordedAt` never
 * falls, so this takes a logarithm of the log's length instead of a scan.
 */
export function firstSeqSince(
  source: RecordSource,
  time: number,
  low: number,
  high: number,
): number {
  let left = low;
  let right = high + 1;
  while (left < right) {
    const middle = left + Math.floor((right - left) / 2);
    const { firstSeq, count, recordedAt } = batchHolding(source, middle).header;
    // All records of a batch have its time.
    if (recordedAt < time) left = Math.min(right, firstSeq + count);
    else right = Math.max(left, firstSeq);
  }
  return left;
}
