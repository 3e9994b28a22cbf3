import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, isThere, syncDirectory } from "@annals/storage";
import { DATA_LOCK } from "./dataLock.ts";

const PREFIX = "quarantine-";
/** In a quarantine that is not complete: the next start goes on with it. */
const MARK = "moving";

/** Names of the quarantines in a data directory; there is one at most unless somebody made more. */
export async function listQuarantines(data: string): Promise<readonly string[]> {
  const names = await readdir(data).catch((error: unknown) => {
    // A directory that cannot be listed may hold one.
    if (errnoOf(error) !== "ENOENT") throw error;
    return [];
  });
  return names.filter((name) => name.startsWith(PREFIX)).toSorted();
}

/**
 * Moves everything out of a data directory that is in use no more into `quarantine-<time>` in it, so that the node begins anew as on a
 * blank disk. A crash leaves a mark, by which `finishQuarantine` goes on. Resolves with the path.
 */
export async function quarantine(data: string, wallTime: number): Promise<string> {
  const time = new Date(wallTime).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const path = join(data, `${PREFIX}${time}`);
  await mkdir(path);
  try {
    await writeFile(join(path, MARK), "", { flush: true });
  } catch (error) {
    // Without a mark it would look like a quarantine from an earlier time.
    await rm(path, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(path);
  await syncDirectory(data);
  await moveInto(data, path);
  return path;
}

/**
 * Before anything is read from a data directory: a quarantine that a crash has cut is completed. A directory begun anew has none. Resolves
 * with the path of what was completed.
 */
export async function finishQuarantine(data: string): Promise<string | undefined> {
  let finished: string | undefined;
  for (const name of await listQuarantines(data)) {
    const path = join(data, name);
    if (!(await isThere(join(path, MARK)))) {
      // A mark that was removed and not flushed could come back, and new data would be moved here.
      await syncDirectory(path);
      continue;
    }
    await moveInto(data, path);
    finished = path;
  }
  return finished;
}

/** The identity goes like everything else: while the mark is there, nobody reads what is left. */
async function moveInto(data: string, path: string): Promise<void> {
  const names = await readdir(data);
  // The lock stays where this process holds it.
  for (const name of names.filter((one) => !one.startsWith(PREFIX) && one !== DATA_LOCK))
    await rename(join(data, name), join(path, name));
  await syncDirectory(path);
  await syncDirectory(data);
  await rm(join(path, MARK));
  await syncDirectory(path);
}
