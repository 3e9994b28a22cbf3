export { QUERY_BUDGET, runQuery } from "./runQuery.ts";
export type { QueryBudget, QueryContext } from "./runQuery.ts";
export { firstSeqSince } from "./timeIndex.ts";
export { runTailQuery } from "./tailQuery.ts";
export type { TailContext } from "./tailQuery.ts";
export type { BatchSlice, BatchSliceHeader, RecordCodec, RecordSource } from "./recordSource.ts";
