import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import { isThere, openLogStore, placeEmptied, replaceFile, syncDirectory } from "@annals/storage";
import type { LmdbLogStore, TailScanner } from "@annals/storage";
import type { NodeConfig } from "@annals/config";

export interface OpenStoreOptions {
  readonly config: NodeConfig;
  readonly logId: number;
  readonly name: string;
  /** The membership that the log is born with. */
  readonly voters: readonly MemberId[];
  readonly scanner: Pick<TailScanner, "scan">;
  readonly onWarning: (text: string) => void;
}

/**
 * Opens a log of this node. A log is born on a disk once: a mark outside of its directory says so, and is durable before the replica votes
 * or acknowledges anything. If the directory is gone later, the log is not begun anew: a voter that has forgotten its votes and what it
 * acknowledged is the same danger as a wiped disk under its old name. Rejects with ERR_LOG_MISSING then.
 */
export async function openStore(options: OpenStoreOptions): Promise<LmdbLogStore> {
  const { config, logId, voters, scanner, onWarning } = options;
  const directory = join(config.data, "logs", String(logId));
  const mark = join(config.data, "born", String(logId));
  const born = await isThere(mark);
  await placeEmptied(directory);
  if (born && !(await isThere(directory))) throw logMissing(options, directory);
  const membership = {
    voters,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  const store = await openLogStore({
    directory,
    logId,
    segmentBytes: config.storage.segmentBytes,
    minFreeBytes: config.storage.minFreeBytes,
    // Of the mark, of the log's directory, and of the identity that its votes are given by.
    ...(born ? { namedIn: [dirname(mark), config.data] } : { initial: { membership } }),
    scanner,
    onWarning,
  });
  try {
    if (!born) await makeMark(mark);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function makeMark(mark: string): Promise<void> {
  const directory = dirname(mark);
  await mkdir(directory, { recursive: true });
  await replaceFile(mark, "");
  await syncDirectory(dirname(directory));
}

function logMissing({ config, name }: OpenStoreOptions, directory: string): AnnalsError {
  return new AnnalsError(
    "ERR_LOG_MISSING",
    `log "${name}" was on this disk and ${directory} is gone: put it back if it was only moved and the node has not run since; ` +
      `otherwise move all of ${config.data} away and start the node, which then comes back as a new member`,
  );
}
