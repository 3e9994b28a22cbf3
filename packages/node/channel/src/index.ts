export { exactly } from "./exactly.ts";
export { LaneEnd } from "./laneEnd.ts";
export type { LaneCodec } from "./laneEnd.ts";
export { monotonicMs } from "./monotonic.ts";
export { causeText, fromPlainError, reasonFields, toPlainError } from "./plainError.ts";
export type { PlainCause, PlainError } from "./plainError.ts";
