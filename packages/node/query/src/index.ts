export { QUERY_BUDGET, runQuery } from "./runQuery.ts";
export type { QueryBudget, QueryContext } from "./runQuery.ts";
export { firstSeqSince } from "./timeIndex.ts";
export { runTailQuery } from "./tailQuery.ts";
export type { TailContext } from "./tailQuery.ts";
export type { ReadConsistency, ReadFormat, ReadQuery, ReadReply } from "./readQuery.ts";
export type { BatchSlice, BatchSliceHeader, RecordCodec, RecordSource } from "./recordSource.ts";
export { STORED_CODEC, storedRecords } from "./storedRecords.ts";
export {
  choiceParameter,
  integerParameter,
  invalidParameter,
  textParameter,
  timeParameter,
} from "./parameters.ts";
export { filterParameters, laneParameter, parseQuery } from "./parseQuery.ts";
export type { QueryTexts, RecordFilter } from "./parseQuery.ts";
export type { PlacedRun, TextRun } from "./recordSource.ts";
