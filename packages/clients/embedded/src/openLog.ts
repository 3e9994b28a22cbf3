import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import type { LogStore } from "@annals/replica";
import {
  fileRefusal,
  isThere,
  makeDirectory,
  openLogStore,
  PathLock,
  probeDisk,
} from "@annals/storage";
import { EmbeddedLog, SELF } from "./embeddedLog.ts";
import type { EmbeddedLogOptions } from "./embeddedLog.ts";
import { readIdentity, writeIdentity } from "./identity.ts";
import { resolveLimits } from "./options.ts";
import type { Limits, OpenLogOptions } from "./options.ts";

/** The files are those of a node with this one log, so that `annals fsck` reads them. */
const LOG_ID = 1;

/**
 * Opens the durable log in a directory, or bears it. It keeps the process alive until `close()`. Rejects with ERR_DATA_IN_USE,
 * ERR_DATA_OF_NODE, ERR_LOG_FOREIGN, ERR_LOG_MISSING, or ERR_LOG_DAMAGED and ERR_ENTRY_DAMAGED, which say what to do; with ERR_DISK_FULL or
 * ERR_DISK_UNAVAILABLE, with errno and path, when the system refuses; with a RangeError for limits below 1.
 */
export async function openLog(options: OpenLogOptions): Promise<EmbeddedLog> {
  const limits = resolveLimits(options);
  await makeDirectory(limits.path);
  const lock = await takeLock(limits.path);
  try {
    const store = await openStore(limits, options.onWarning);
    return await begin({ limits, store, lock, onFailed: options.onFailed });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Rejects with ERR_DATA_IN_USE, or with the refusal of the system, of which SQLite does not tell. */
async function takeLock(path: string): Promise<PathLock> {
  const file = join(path, "lock");
  try {
    return new PathLock(file);
  } catch (cause) {
    if (cause instanceof AnnalsError) throw cause;
    throw (await probeDisk(path)) ?? (await fileRefusal(file)) ?? cause;
  }
}

async function begin(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  try {
    const log = new EmbeddedLog(options);
    await log.begin();
    return log;
  } catch (error) {
    await options.store.close();
    throw error;
  }
}

async function openStore(
  { path, name, segmentBytes, minFreeBytes }: Limits,
  onWarning: OpenLogOptions["onWarning"],
): Promise<LogStore> {
  const known = await readIdentity(path);
  if (known !== undefined && known.name !== name)
    throw new AnnalsError("ERR_LOG_FOREIGN", `${path} holds log "${known.name}", not "${name}"`);
  const directory = join(path, "logs", String(LOG_ID));
  const born = known?.born === true;
  // Begun anew it would have forgotten what it has acknowledged.
  if (born && !(await isThere(directory)))
    throw new AnnalsError(
      "ERR_LOG_MISSING",
      `log "${name}" was in ${path} and ${directory} is gone: put it back, or open another directory`,
    );
  if (known === undefined) await writeIdentity(path, { name, born: false });
  const store = await openLogStore({
    directory,
    logId: LOG_ID,
    segmentBytes,
    minFreeBytes,
    ...(born ? { namedIn: [path] } : { initial: { membership: ALONE } }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
  if (!born) await writeIdentity(path, { name, born: true });
  return store;
}

const ALONE = {
  voters: [SELF],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};
