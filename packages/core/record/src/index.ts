export { BadInputError } from "./badInput.ts";
export type { BadInputCode, BadInputPlace } from "./badInput.ts";
export type * from "./batch.ts";
export {
  batchBlobs,
  batchOverheadBytes,
  batchSeqRange,
  BATCH_VERSION_MAX,
  BLOB_DIGEST_BYTES,
  compressBatch,
  decodeBatchHeader,
  encodeBatch,
  malformedBatch,
  PRODUCER_ID_BYTES_MAX,
} from "./batchLayout.ts";
export { BatchView } from "./batchView.ts";
export { CHAIN_VERSION, chainHash, equalBytes, HASH_BYTES, ZERO_HASH } from "./chainHash.ts";
export type { Sha256 } from "./chainHash.ts";
export { AnnalsError } from "./error.ts";
export { drain } from "./drain.ts";
export { parseExactly, stringifyExactly } from "./exactJson.ts";
export type { WideNumbers } from "./exactJson.ts";
export {
  doubleText,
  EXACT_NUMBER_TYPE,
  ExactNumber,
  isExactText,
  keptNumber,
} from "./exactNumber.ts";
export { requestFingerprint } from "./fingerprint.ts";
export { JsonRecordEncoder, parseJsonRecords, parseNdjsonRecords } from "./jsonRecords.ts";
export { LANE_KEYS, laneHash, laneOf, LANES_MAX } from "./lane.ts";
export type { LaneKey, LaneShare } from "./lane.ts";
export { RECORD_LIMITS } from "./limits.ts";
export type { RecordLimits } from "./limits.ts";
export { recordSchema } from "./recordSchema.ts";
export type { JsonSchema } from "./recordSchema.ts";
export type { AuditRecord, Outcome, RecordMap, RecordValue } from "./recordModel.ts";
export { RecordScanner } from "./recordScanner.ts";
export { NO_ATTACHMENTS } from "./parsedRecords.ts";
export type { Attachments, ParsedRecords } from "./parsedRecords.ts";
export { asSeq } from "./seq.ts";
export { NAME_BYTES_MAX } from "./stringChecks.ts";
export type { Seq } from "./seq.ts";
export { decodeUtf8, encodeUtf8, isUtf8 } from "./utf8.ts";
