export { Catalog, logExists } from "./catalog.ts";
export type { CatalogEntry } from "./catalog.ts";
export { decodeCommand, encodeCommand } from "./systemCommand.ts";
export type { SystemCommand } from "./systemCommand.ts";
export {
  DECIDER_CHARACTERS_MAX,
  copyUnavailable,
  decisionOpen,
  nodeUnknown,
  refusalOf,
} from "./logDecision.ts";
export type { LogDecision } from "./logDecision.ts";
export { SCHEMAS_PER_LOG_MAX, SCHEMA_BYTES_MAX } from "./logSchema.ts";
export type { LogSchema } from "./logSchema.ts";
export {
  LOG_NAME_PATTERN,
  NODE_ID_PATTERN,
  SYSTEM_LOG,
  SYSTEM_LOG_ID,
  SYSTEM_LOG_NAME_PATTERN,
} from "./names.ts";
export { Roster } from "./roster.ts";
export type { RosterEntry } from "./roster.ts";
