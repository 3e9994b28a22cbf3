export * from "./config/index.ts";
export { RECORD_CONTENT_TYPES, SYSTEM_LOG } from "./service.ts";
export type * from "./service.ts";
