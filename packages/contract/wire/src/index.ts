export { entryKindCode, entryKindOf } from "./entryKind.ts";
export { decodeFrame, encodeFrame, encodeMessagesFrame, PARCELS_MAX } from "./frames.ts";
export type {
  AppendFrame,
  BirthFrame,
  BlobAnswer,
  BlobAnswerFrame,
  BlobChunkFrame,
  BlobOfferFrame,
  ControlFrame,
  Frame,
  GrantFrame,
  HelloFrame,
  LinkPurpose,
  RefuseFrame,
  ResponseFrame,
  WelcomeFrame,
} from "./frames.ts";
export { viewBatch, zstdBatch } from "./batchCompression.ts";
export { BodyBuffer } from "./bodyBuffer.ts";
export { CONTENT_ENCODINGS, decodeContent, DECODER_BYTES_MAX } from "./contentDecoder.ts";
export type { ContentEncoding, DecodeLimits } from "./contentLimits.ts";
export { parseIngestBody, parseIngestBodyInSteps } from "./ingest.ts";
export type { IngestContentType } from "./ingest.ts";
export { letGo } from "./letGo.ts";
export {
  LAYOUT_VERSIONS,
  PROTOCOL_VERSION,
  protocolText,
  protocolVersion,
} from "./protocolVersion.ts";
export { MEMBERS_MAX, packMembership, readMembership } from "./membership.ts";
export { APPEND_ENTRIES_MAX, ENTRIES_MAX } from "./entries.ts";
export { assertPlaced, FRAME_PLACES, MESSAGE_PLACES } from "./linkRules.ts";
export { PeerMessageReader, readPeerMessages, SLICE_ENTRIES_MAX } from "./linkRules.ts";
export type { LinkEnds, LinkPlace } from "./linkRules.ts";
export { decodeMessages, encodeMessages, MESSAGES_MAX } from "./messages.ts";
export { MsgpackCursor } from "./msgpackCursor.ts";
export { assertVersion, packVersioned } from "./pack.ts";
export type { Packable } from "./pack.ts";
export { PlacedRecords } from "./placedRecords.ts";
export { decodeRecord, encodeRecord } from "./recordCodec.ts";
export { RecordTexts, recordText } from "./recordTexts.ts";
export {
  splitStreamMessage,
  STREAM_HEAD_BYTES_MAX,
  STREAM_PROTOCOLS,
  streamHead,
  appendedHead,
} from "./streamMessage.ts";
export type {
  AppendedAnswer,
  StreamFields,
  StreamMessage,
  StreamProtocol,
  StreamValue,
} from "./streamMessage.ts";
export { WireError } from "./wireError.ts";
export type { WireErrorCode } from "./wireError.ts";
export type { AskTimeFrame, TellTimeFrame } from "./clockFrames.ts";
export type { FetchFrame, PageFrame } from "./repairFrames.ts";
