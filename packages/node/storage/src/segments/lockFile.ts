import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../disk/diskRefusal.ts";

/** What LMDB maps of a lock file for its default number of readers. */
const LOCK_FILE_BYTES = 8272;
const BLOCK_BYTES = 512;

/** In the directory of a segment. */
export const LOCK_FILE = "lock.mdb";

const DONE_WITHOUT: readonly string[] = ["EROFS", "EACCES"];

/** Whose lock file it is. `owner`: nobody else can have the segment open, so that what is in the file may be written again. */
export type LockFileUse = "owner" | "reader";

/**
 * Gives the lock file of a segment its blocks before LMDB maps it. LMDB makes it sparse, and a full disk would end the process by SIGBUS
 * when a page of it is first touched; a copy may have made it sparse again. Where nothing may be written LMDB reads without the file. It
 * is not flushed: what is in it ends with the machine, and this thread does not wait for the disk.
 */
export function allocateLockFile(path: string, use: LockFileUse): "allocated" | "none" {
  const file = join(path, LOCK_FILE);
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT, 0o664);
  } catch (error) {
    if (DONE_WITHOUT.includes(errnoOf(error) ?? "")) return "none";
    throw error;
  }
  try {
    const { size, blocks } = fstatSync(descriptor);
    const allocated = use === "reader" || blocks * BLOCK_BYTES >= LOCK_FILE_BYTES;
    if (size >= LOCK_FILE_BYTES && allocated) return "allocated";
    const content = Buffer.alloc(LOCK_FILE_BYTES);
    readSync(descriptor, content, 0, content.length, 0);
    for (let at = 0; at < content.length; )
      at += writeSync(descriptor, content, at, content.length - at, at);
    return "allocated";
  } finally {
    closeSync(descriptor);
  }
}
