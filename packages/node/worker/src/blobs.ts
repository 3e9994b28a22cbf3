import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { anyRefusal, BlobStore, DiskFloor, isAside } from "@annals/storage";
import type { AnnouncedBytes } from "@annals/storage";
import type { NodeConfig } from "@annals/config";

/**
 * The blobs of one log of this node. They are files, so the gateway takes uploads while the log's worker replicates;
 * `announced` is shared by all logs of a thread.
 */
export function blobsOf(config: NodeConfig, logId: number, announced: AnnouncedBytes): BlobStore {
  const directory = join(config.data, "logs", String(logId));
  return new BlobStore({
    directory,
    floor: new DiskFloor(directory, config.storage.minFreeBytes, undefined, announced),
    chunkBytes: config.replication.blob.chunkBytes,
  });
}

/**
 * Removes what uploads and transfers of an earlier process have left unfinished; a disk that refuses keeps it until the next start, and
 * what is not durable does not count as uploaded.
 */
export async function sweepBlobs(config: NodeConfig): Promise<void> {
  const logs = join(config.data, "logs");
  const names = await readdir(logs).catch(() => []);
  for (const name of names.filter((one) => !isAside(one))) {
    try {
      await BlobStore.sweep(join(logs, name));
    } catch (error) {
      if (anyRefusal(error, logs) === undefined) throw error;
    }
  }
}
