import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import { PathLock } from "@annals/storage";

/** In the data directory of a node and of an embedded log alike, so that each keeps the other out, too. */
export const DATA_LOCK = "lock";

/**
 * Makes this process the owner of a data directory until it releases the lock or ends. Two owners would each write their own history
 * into the same files. Rejects with ERR_DATA_IN_USE.
 */
export async function lockData(data: string): Promise<PathLock> {
  await mkdir(data, { recursive: true });
  try {
    return new PathLock(join(data, DATA_LOCK));
  } catch (error) {
    if (!(error instanceof AnnalsError)) throw error;
    throw new AnnalsError(
      "ERR_DATA_IN_USE",
      `another process runs on ${data}: stop it first (fuser ${join(data, DATA_LOCK)} shows which), ` +
        "or give this node another data directory",
      { retryable: true, cause: error },
    );
  }
}
