export { LOG_LEVELS } from "./config/nodeConfig.ts";
export type * from "./config/nodeConfig.ts";
export { RECORD_CONTENT_TYPES, SYSTEM_LOG } from "./service.ts";
export type * from "./service.ts";
