export { fsck, fsckNode } from "./fsck.ts";
export type { FsckProblem, FsckReport, FsckSegment } from "./fsck.ts";
export type { LmdbLogStore } from "./logStore.ts";
export { MIN_FREE_BYTES, openLogStore } from "./openLogStore.ts";
export type { LogStoreOptions } from "./openLogStore.ts";
export { syncDirectory } from "./segmentDirectory.ts";
export type { CreateStep } from "./segmentDirectory.ts";
export { StorageError } from "./storageError.ts";
export type { StorageErrorCode } from "./storageError.ts";
