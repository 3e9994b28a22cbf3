/** What must be so before anything is written to a log that was found on a disk. */
import { join } from "node:path";
import { anyRefusal, errnoOf, fileRefusal, probeDisk } from "./diskRefusal.ts";
import { LOCK_FILE } from "../segments/lockFile.ts";
import { dataFile } from "../segments/segment.ts";
import { listSegments, segmentName, syncDirectory } from "../segments/segmentDirectory.ts";
import { sidecarPath } from "../segments/sidecar.ts";
import type { StorageError } from "../storageError.ts";

/**
 * Resolves with the reason why nothing may be written to the log in `directory` for now: a name that it depends upon cannot be flushed, the
 * disk takes no write, or one of its files is not ours to write.
 */
export async function writeRefusal(
  directory: string,
  namedIn: readonly string[],
): Promise<StorageError | undefined> {
  try {
    return (
      (await namesRefusal(namedIn)) ??
      (await probeDisk(directory)) ??
      (await filesRefusal(directory))
    );
  } catch (error) {
    const refusal = anyRefusal(error, directory);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/**
 * Flushes the directories of names that were found. Whoever made a name may have ended before its flush, or the flush has failed; until one
 * goes well a power cut can take back the segment or the mark that a vote relies upon. Unlike that of a file, a failed flush of a directory
 * may be repeated: a file system that cannot write its own structures stops writing.
 */
export async function namesRefusal(
  directories: readonly string[],
): Promise<StorageError | undefined> {
  for (const path of directories) {
    try {
      await syncDirectory(path);
    } catch (error) {
      // A read-only disk holds no write back.
      if (errnoOf(error) === "EROFS") continue;
      const refusal = anyRefusal(error, path);
      if (refusal === undefined) throw error;
      return refusal;
    }
  }
  return undefined;
}

/** LMDB opens the file of its locks for writing, as it does the data; without it a log can only be read. */
async function filesRefusal(directory: string): Promise<StorageError | undefined> {
  const active = (await listSegments(directory)).at(-1);
  const segment = active === undefined ? undefined : join(directory, segmentName(active));
  const files = segment === undefined ? [] : [dataFile(segment), join(segment, LOCK_FILE)];
  for (const path of [sidecarPath(directory), ...files]) {
    const refusal = await fileRefusal(path);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
