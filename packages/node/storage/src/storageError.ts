import { AnnalsError } from "@annals/record";

/**
 * What can go wrong between a log and its disk:
 * `ERR_STORAGE_FAILED` a write failed, the store is finished (fail-stop); `ERR_STORAGE_CLOSED` used after close;
 * `ERR_STORAGE_MISUSE` a cycle that breaks the contract of `LogStore`, nothing was written; `ERR_DISK_FULL` refused before
 * anything was written, the store lives on; `ERR_DISK_UNAVAILABLE` the same for a disk that is read-only or without descriptors;
 * `ERR_ENTRY_DAMAGED` one entry is missing or not what was written; `ERR_LOG_DAMAGED`
 * the log as a whole cannot be trusted; `ERR_LOG_EMPTY` nothing is stored here; `ERR_LOG_FOREIGN` the directory holds another log;
 * `ERR_LOG_FORMAT` written by a version that this build does not read; `ERR_COPY_EMPTIED` the copy was given up before and cannot be kept.
 */
export type StorageErrorCode =
  | "ERR_STORAGE_FAILED"
  | "ERR_STORAGE_CLOSED"
  | "ERR_STORAGE_MISUSE"
  | "ERR_DISK_FULL"
  | "ERR_DISK_UNAVAILABLE"
  | "ERR_ENTRY_DAMAGED"
  | "ERR_LOG_DAMAGED"
  | "ERR_LOG_EMPTY"
  | "ERR_LOG_FOREIGN"
  | "ERR_LOG_FORMAT"
  | "ERR_COPY_EMPTIED";

export class StorageError extends AnnalsError {
  override readonly name: string = "StorageError";

  constructor(
    code: StorageErrorCode,
    message: string,
    options: { retryable?: boolean; details?: Record<string, unknown>; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

/** `advice` says what an operator should do; it is part of the text and of the details. */
export function logDamaged(directory: string, what: string, advice: string): StorageError {
  return new StorageError("ERR_LOG_DAMAGED", `${what} (${directory}); ${advice}`, {
    details: { directory, advice },
  });
}

export function entryDamaged(index: number, what: string): StorageError {
  return new StorageError("ERR_ENTRY_DAMAGED", `entry ${index}: ${what}`, { details: { index } });
}

/** What to do about damage that only other nodes can repair. */
export const REPLACE_ADVICE: string =
  "run `annals fsck` for details; move the node's whole data directory away, never a part of it, and start the node: " +
  "it rejoins as a new member";
