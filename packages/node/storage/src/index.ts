export { AnnouncedBytes } from "./announcedBytes.ts";
export { assertDigest, BlobError } from "./blobError.ts";
export type { BlobErrorCode } from "./blobError.ts";
export { BlobStore } from "./blobStore.ts";
export type { BlobStoreOptions, StoredBlob } from "./blobStore.ts";
export type { BlobWriter } from "./blobWriter.ts";
export {
  anyRefusal,
  diskRefusal,
  errnoOf,
  fileRefusal,
  isDiskRefusal,
  probeDisk,
} from "./diskRefusal.ts";
export { DiskFloor, MIN_FREE_BYTES } from "./diskFloor.ts";
export { fsck } from "./fsck.ts";
export { makeDirectory } from "./makeDirectory.ts";
export { fsckNode } from "./fsckNode.ts";
export type { FsckProblem, FsckReport, FsckSegment } from "./fsck.ts";
export { replaceFile } from "./durableFile.ts";
export { diagnoseLog } from "./diagnosis.ts";
export type { DamagedGroup, DamagedSegment, DiagnoseOptions, Diagnosis } from "./diagnosis.ts";
export { PathLock } from "./pathLock.ts";
export { isThere } from "./isThere.ts";
export { LogRepair } from "./logRepair.ts";
export type { LogRepairOptions, RunToRepair } from "./logRepair.ts";
export type { LmdbLogStore } from "./logStore.ts";
export { openLogStore } from "./openLogStore.ts";
export type { LogStoreOptions } from "./openLogStore.ts";
export { scrubLog } from "./scrub.ts";

export { removeDamaged, syncDirectory } from "./segmentDirectory.ts";
export type { CreateStep, SwapStep } from "./segmentDirectory.ts";
export { StorageError } from "./storageError.ts";
export type { StorageErrorCode } from "./storageError.ts";
export { decodeStoredEntry, encodeStoredEntry, hashEntry } from "./storedEntry.ts";
export { readDivergence, writeDivergence } from "./divergenceFile.ts";
export { clearEmptied, readEmptied } from "./emptiedFile.ts";
export type { EmptiedMark } from "./emptiedFile.ts";
export {
  emptyCopy,
  isAside,
  isCarriedOut,
  keepCopy,
  listAside,
  placeEmptied,
} from "./resolution.ts";
export { describeCopy, partedEnd, storeEnd } from "./logCopy.ts";
export type { LogCopy, LogEnd } from "./logCopy.ts";
export type { CopyPlace, Decision } from "./resolution.ts";
export { TailScanner } from "./tailScanner.ts";
