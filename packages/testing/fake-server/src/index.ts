export { MemoryGroups } from "./memoryGroups.ts";
export { MemoryService } from "./memoryService.ts";
export { JSON_CODEC, MemorySource } from "./memorySource.ts";
export type { PlainRecord, StoredRecord } from "./memorySource.ts";
export { freePort, startTestNode, stopTestNode, until, untilReady } from "./testNode.ts";
export type { TestNode } from "./testNode.ts";
export { LIMITS, startTestServer } from "./testServer.ts";
export type { TestServer } from "./testServer.ts";
