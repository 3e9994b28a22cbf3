export { COPIED_BYTES_MAX, crossingOf, MOVED_BYTES_MIN } from "./crossing.ts";
export type { Crossing } from "./crossing.ts";
export { exactly } from "./exactly.ts";
export { LaneEnd } from "./laneEnd.ts";
export type { LaneCodec } from "./laneEnd.ts";
export { monotonicMs } from "./monotonic.ts";
export { MovableBody } from "./movableBody.ts";
export { causeText, fromPlainError, reasonFields, toPlainError } from "./plainError.ts";
export type { PlainCause, PlainError } from "./plainError.ts";
