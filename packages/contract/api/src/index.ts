export type * from "./cluster.ts";
export { ERROR_TABLE, findError } from "./errors/errorTable.ts";
export type { HttpErrorCode } from "./errors/errorTable.ts";
export type * from "./groups.ts";
export type * from "./logs.ts";
export type * from "./memory.ts";
export { openApiDocument } from "./openapi/openapi.ts";
export { RECORD_CONTENT_TYPES } from "./records.ts";
export type * from "./records.ts";
export type * from "./schemas.ts";
export {
  FORWARDED_ANSWER_BYTES,
  FORWARDED_ANSWER_BYTES_MAX,
  GROUP_SETTINGS_CHARACTERS_MAX,
  MEMBER_CHARACTERS_MAX,
  PATH_PART_CHARACTERS_MAX,
  PROBLEM_BYTES_MAX,
} from "./forwardedAnswers.ts";
export type { ForwardedKind } from "./forwardedAnswers.ts";
