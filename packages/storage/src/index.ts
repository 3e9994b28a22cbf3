export { LmdbLogStore } from "./logStore.ts";
export { openLogStore } from "./openLogStore.ts";
export type { LogStoreOptions } from "./openLogStore.ts";
export { StorageError } from "./storageError.ts";
export type { StorageErrorCode } from "./storageError.ts";
