export * from "./config/index.ts";
export { createHttpServer } from "./http/httpServer.ts";
export type { HttpServerOptions } from "./http/httpServer.ts";
export * from "./query/index.ts";
export { RECORD_CONTENT_TYPES, SYSTEM_LOG } from "./service.ts";
export type * from "./service.ts";
export { EXIT_STORAGE_FAILED, startNode } from "./node/startNode.ts";
export type { StartNodeOptions } from "./node/startNode.ts";
export type { RunningNode } from "./node/incarnations.ts";
