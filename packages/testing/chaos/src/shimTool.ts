import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT_STORAGE_FAILED, SIGNAL_WRITE_FAILED, shimPath } from "@annals/drill";
import type { ProcessCluster } from "@annals/drill";
import { Random } from "@annals/kit";
import type { Strike } from "./strike.ts";
import type { Tool, ToolSite } from "./tool.ts";

type Trouble = "flush" | "write" | "slow";

/** Disks that fail or take their time, by a library preloaded into every node. */
export function shimTool({ directory, nativeDirectory, ids, dataOf }: ToolSite): Tool {
  const control = (id: string): string => join(directory, `${id}.disk`);
  const heal = async (nodes: readonly string[], trouble: Trouble): Promise<void> => {
    for (const id of nodes) await rm(`${control(id)}.${trouble}`, { force: true });
  };
  const fail =
    (cluster: ProcessCluster, trouble: "flush" | "write"): Strike =>
    async (nodes) => {
      for (const id of nodes) {
        // A log of which a write fails is opened again; a node may end so where that was in the middle of its birth.
        cluster.node(id).excuse(EXIT_STORAGE_FAILED);
        if (trouble === "write") cluster.node(id).excuse(SIGNAL_WRITE_FAILED);
        await writeFile(`${control(id)}.${trouble}`, "");
      }
      return () => heal(nodes, trouble);
    };
  return {
    envOf: (id) => ({
      LD_PRELOAD: shimPath(nativeDirectory),
      DRILL_DISK_ROOT: dataOf(id),
      DRILL_DISK_CONTROL: control(id),
    }),
    strikes: (cluster) => ({
      flushFails: fail(cluster, "flush"),
      writeFails: fail(cluster, "write"),
      slowDisk: async (nodes, { seed }) => {
        const delayUs = new Random(seed).pick([5_000, 30_000, 150_000]);
        for (const id of nodes) await writeFile(`${control(id)}.slow`, String(delayUs));
        return () => heal(nodes, "slow");
      },
    }),
    heal: async () => {
      for (const trouble of ["flush", "write", "slow"] as const) await heal(ids, trouble);
    },
    close: () => undefined,
  };
}
