import { closeSync, openSync, statfsSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT_COULD_NOT_START, EXIT_STORAGE_FAILED, SIGNAL_WRITE_FAILED } from "@annals/drill";
import { Random } from "@annals/kit";
import { Mount, mountAll, unmountAll } from "./mounts.ts";
import type { Tool, ToolSite } from "./tool.ts";

const DISK_BYTES = 96 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const BALLAST = "ballast";

/** Disks without room: a file takes it all, or all but a little. */
export async function fullDiskTool({ ids, dataOf }: ToolSite): Promise<Tool> {
  const mounts = await mountAll(ids, (id) => Mount.tmpfs(dataOf(id), DISK_BYTES));
  const empty = async (nodes: readonly string[]): Promise<void> => {
    for (const id of nodes) await rm(join(dataOf(id), BALLAST), { force: true });
  };
  return {
    strikes: (cluster) => ({
      diskFull: (nodes, { seed }) => {
        // Nothing left at all, or something below the floor at which appends are refused.
        const leftBytes = new Random(seed).pick([0, PIECE_BYTES, 2 * 1024 * 1024]);
        for (const id of nodes) {
          cluster.node(id).excuse(EXIT_STORAGE_FAILED, EXIT_COULD_NOT_START, SIGNAL_WRITE_FAILED);
          fill(join(dataOf(id), BALLAST), leftBytes);
        }
        return () => empty(nodes);
      },
    }),
    heal: () => empty(ids),
    close: () => unmountAll(mounts),
  };
}

function fill(path: string, leftBytes: number): void {
  const file = openSync(path, "w");
  const piece = Buffer.alloc(PIECE_BYTES);
  try {
    const { bavail, bsize } = statfsSync(path);
    for (let rest = bavail * bsize - leftBytes; rest > 0; ) {
      const bytes = Math.min(rest, piece.length);
      rest -= writeSync(file, piece, 0, bytes);
    }
  } catch (error) {
    // The node has taken some meanwhile.
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    closeSync(file);
  }
}
