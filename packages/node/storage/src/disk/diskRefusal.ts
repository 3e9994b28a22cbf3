/**
 * No room is a state, not a failure: the system refuses a write, or a file descriptor, and may allow it later. It says nothing of what is
 * stored. Node names the error by a text, LMDB by its number.
 */
import { constants as fileConstants } from "node:fs";
import { access, mkdtemp, open, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { StorageError } from "../storageError.ts";

/** No bytes, no quota, no inodes. */
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

/**
 * Every refusal, and what to do about it. Beside a full disk: one that is read-only or not ours to write, or no file descriptors, no memory
 * or no processes left.
 */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: "free some space or inodes",
  EDQUOT: "raise the quota or free some space",
  EROFS: "mount it for writing",
  EACCES: "let the user of the node write there",
  EPERM: "let the user of the node write there",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "raise the limit of open files of the machine",
  EAGAIN: "raise the limit of processes (ulimit -u)",
  ENOMEM: "give the machine more memory",
};

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, value]) => [value, name]),
);

/** Causes of one error that are looked at. */
const CAUSES_MAX = 8;

/** The name of the system error that `thrown` is or was caused by; undefined when there is none. */
export function errnoOf(thrown: unknown): string | undefined {
  let next = thrown;
  for (let depth = 0; depth < CAUSES_MAX && next instanceof Error; depth++) {
    const code: unknown = "code" in next ? next.code : undefined;
    if (typeof code === "string" && Object.hasOwn(constants.errno, code)) return code;
    // Node has no text for some, such as EDQUOT: it tells their number, negated.
    const errno: unknown = "errno" in next ? next.errno : undefined;
    const number = typeof code === "number" ? code : -Number(errno);
    const name = NAMES.get(number);
    if (name !== undefined) return name;
    next = next.cause;
  }
  return undefined;
}

/** Whether an error says that the disk, or the system, refuses for now, and nothing of what is stored. */
export function isDiskRefusal(error: unknown): error is StorageError {
  if (!(error instanceof StorageError)) return false;
  return error.code === "ERR_DISK_FULL" || error.code === "ERR_DISK_UNAVAILABLE";
}

/** The refusal that `thrown` is or was caused by; undefined when it is something else. */
export function diskRefusal(thrown: unknown, path: string): StorageError | undefined {
  if (isDiskRefusal(thrown)) return thrown;
  const errno = errnoOf(thrown);
  if (errno === undefined || !Object.hasOwn(ADVICE, errno)) return undefined;
  return refusalBy(errno, pathOf(thrown) ?? path, thrown);
}

/** A refusal as such, anything else as it is. */
export function refusalOr(thrown: unknown, path: string): unknown {
  return diskRefusal(thrown, path) ?? thrown;
}

/** What was done through a descriptor, or by LMDB, has failed: the error of the system does not say what it was open on. */
export function fileFailed(path: string, what: string, cause: unknown): StorageError {
  const errno = errnoOf(cause);
  const text = `${errno ?? "an error"} at ${path}: ${what}`;
  return new StorageError("ERR_STORAGE_FAILED", text, { cause, details: { errno, path } });
}

/** The same refusal, told by what it was met at. */
export function within(what: string, refusal: StorageError): StorageError {
  const code = refusal.code === "ERR_DISK_FULL" ? refusal.code : "ERR_DISK_UNAVAILABLE";
  const { details, cause } = refusal;
  const text = `${what}: ${refusal.message}`;
  return new StorageError(code, text, { retryable: true, details, cause });
}

/** A refusal by whatever the system says, such as an error of the device; undefined when it says nothing, or that something is missing. */
export function anyRefusal(thrown: unknown, path: string): StorageError | undefined {
  const errno = errnoOf(thrown);
  return errno === undefined || errno === "ENOENT" ? undefined : refusalBy(errno, path, thrown);
}

function refusalBy(errno: string, path: string, cause: unknown): StorageError {
  const code = FULL.includes(errno) ? "ERR_DISK_FULL" : "ERR_DISK_UNAVAILABLE";
  const advice = ADVICE[errno] ?? "look at the disk and at the log of the kernel";
  return new StorageError(code, `${errno} at ${path}: ${advice}`, {
    retryable: true,
    details: { errno, path },
    cause,
  });
}

function pathOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const path: unknown = "path" in thrown ? thrown.path : undefined;
  return typeof path === "string" ? path : undefined;
}

/** What a probe writes: more than the lock file of a segment and the pages of a small transaction. */
const PROBE_BYTES = 256 * 1024;

/** Begins the names of probes; what a crash has left of them is removed like an unfinished segment. */
const PROBE_PREFIX = "new-probe-";

/**
 * Writes and flushes a small file in `directory`, and removes it. Resolves with the reason when the system does not let it: also with an
 * error of the device, since a disk that fails a probe fails everything else.
 */
export async function probeDisk(directory: string): Promise<StorageError | undefined> {
  let made: string | undefined;
  try {
    made = await mkdtemp(join(directory, PROBE_PREFIX));
    const file = await open(join(made, "probe"), "wx", 0o600);
    try {
      await file.writeFile(new Uint8Array(PROBE_BYTES));
      await file.datasync();
    } finally {
      await file.close();
    }
    return undefined;
  } catch (cause) {
    // A directory that is not there is no word of the disk.
    return anyRefusal(cause, directory);
  } finally {
    if (made !== undefined) await rm(made, { recursive: true, force: true }).catch(() => undefined);
  }
}

/**
 * Resolves with the reason when the system does not let a file be read and written that is there. The file is not opened, since closing it
 * would end every lock that this process has on it.
 */
export async function fileRefusal(path: string): Promise<StorageError | undefined> {
  try {
    await access(path, fileConstants.R_OK | fileConstants.W_OK);
    return undefined;
  } catch (error) {
    const refusal = anyRefusal(error, path);
    if (refusal === undefined && errnoOf(error) !== "ENOENT") throw error;
    return refusal;
  }
}
