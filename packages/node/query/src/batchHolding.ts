import { AnnalsError } from "@annals/record";
import type { BatchSlice, RecordSource } from "./recordSource.ts";

export function holds(batch: BatchSlice, seq: number): boolean {
  const { firstSeq, count } = batch.header;
  return seq >= firstSeq && seq < firstSeq + count;
}

/** The batch of a seq between first and last. That it is not there is damage: answering as if nothing was recorded would be a lie. */
export function batchHolding(source: RecordSource, seq: number): BatchSlice {
  const batch = source.batchAt(seq);
  if (batch !== undefined && holds(batch, seq)) return batch;
  throw new AnnalsError("ERR_LOG_DAMAGED", `record ${seq} is missing in the log`, {
    details: { seq, firstSeq: source.firstSeq, lastSeq: source.lastSeq },
  });
}
