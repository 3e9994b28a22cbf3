import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processStrikes } from "./processStrikes.ts";
import { nothingToHeal } from "./strike.ts";
import type { Tool, ToolSite } from "./tool.ts";

/** Signals, leadership, lost disks, and worker threads that end (`nodePreload.ts`). Works everywhere. */
export function processTool({ directory }: ToolSite): Tool {
  const endFile = (id: string): string => join(directory, `${id}.end-worker`);
  return {
    envOf: (id) => ({ DRILL_END_WORKER: endFile(id) }),
    strikes: (cluster) => ({
      ...processStrikes(cluster),
      workerEnds: ([id]) => {
        if (id === undefined || !cluster.node(id).running || existsSync(endFile(id)))
          return undefined;
        writeFileSync(endFile(id), "");
        return nothingToHeal;
      },
    }),
    close: () => undefined,
  };
}
