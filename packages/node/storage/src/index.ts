export { AnnouncedBytes } from "./blobs/announcedBytes.ts";
export { assertDigest, BlobError } from "./blobs/blobError.ts";
export type { BlobErrorCode } from "./blobs/blobError.ts";
export { BlobStore } from "./blobs/blobStore.ts";
export type { BlobStoreOptions, StoredBlob } from "./blobs/blobStore.ts";
export type { BlobWriter } from "./blobs/blobWriter.ts";
export {
  anyRefusal,
  diskRefusal,
  errnoOf,
  fileRefusal,
  isDiskRefusal,
  probeDisk,
} from "./disk/diskRefusal.ts";
export { DiskFloor, MIN_FREE_BYTES } from "./disk/diskFloor.ts";
export { fsck } from "./check/fsck.ts";
export { makeDirectory } from "./disk/makeDirectory.ts";
export { fsckNode } from "./check/fsckNode.ts";
export type { FsckProblem, FsckReport, FsckSegment } from "./check/fsck.ts";
export { replaceFile } from "./disk/durableFile.ts";
export { diagnoseLog } from "./repair/diagnosis.ts";
export type {
  DamagedGroup,
  DamagedSegment,
  DiagnoseOptions,
  Diagnosis,
} from "./repair/diagnosis.ts";
export { PathLock } from "./disk/pathLock.ts";
export { isThere } from "./disk/isThere.ts";
export { LogRepair } from "./repair/logRepair.ts";
export type { LogRepairOptions, RunToRepair } from "./repair/logRepair.ts";
export type { LmdbLogStore } from "./logStore.ts";
export { openLogStore } from "./openLogStore.ts";
export type { LogStoreOptions } from "./openLogStore.ts";
export { scrubLog } from "./check/scrub.ts";
export { removeDamaged, syncDirectory } from "./segments/segmentDirectory.ts";
export type { CreateStep, SwapStep } from "./segments/segmentDirectory.ts";
export { StorageError } from "./storageError.ts";
export type { StorageErrorCode } from "./storageError.ts";
export { decodeStoredEntry, encodeStoredEntry, hashEntry } from "./segments/storedEntry.ts";
export { readDivergence, writeDivergence } from "./repair/divergenceFile.ts";
export { clearEmptied, readEmptied } from "./repair/emptiedFile.ts";
export type { EmptiedMark } from "./repair/emptiedFile.ts";
export {
  emptyCopy,
  isAside,
  isCarriedOut,
  keepCopy,
  listAside,
  placeEmptied,
} from "./repair/resolution.ts";
export { describeCopy, partedEnd, storeEnd } from "./repair/logCopy.ts";
export type { LogCopy, LogEnd } from "./repair/logCopy.ts";
export type { CopyPlace, Decision } from "./repair/resolution.ts";
export { TailScanner } from "./check/tailScanner.ts";
