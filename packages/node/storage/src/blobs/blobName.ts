/**
 * When the name of a blob is a promise. It is given by a rename, and a power cut takes it back until its directory is flushed; so a mark is
 * there from before the rename until after the flush, and a blob that is marked is not here.
 */
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { syncDirectory } from "../segments/segmentDirectory.ts";

/** Whether the name is there and flushed. One look at the file system where it is not there, two where it is. */
export function isNamed(path: string, mark: string): boolean {
  // In this order: the mark goes after the name has come for good.
  return existsSync(path) && isMissing(mark);
}

/** False also where the system does not tell. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

/** Flushes the name of a blob; the first one of a shelf, or of a log, also brings the directories above. */
export async function flushName(path: string): Promise<void> {
  const shelf = dirname(path);
  await syncDirectory(shelf);
  await syncDirectory(dirname(shelf));
  await syncDirectory(dirname(dirname(shelf)));
}
