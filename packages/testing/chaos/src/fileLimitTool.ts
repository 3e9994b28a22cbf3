import { readFile, readdir } from "node:fs/promises";
import { EXIT_STORAGE_FAILED, command } from "@annals/drill";
import type { Tool } from "./tool.ts";

/** A node may open no file and accept no connection: its limit is lowered to what it has open. */
export function fileLimitTool(): Tool {
  return {
    strikes: (cluster) => ({
      noFiles: async ([id = ""]) => {
        const { pid } = cluster.node(id);
        if (pid === undefined) return undefined;
        // A segment that cannot be opened is a storage error like any other.
        cluster.node(id).excuse(EXIT_STORAGE_FAILED);
        let before: string;
        try {
          before = await softLimit(pid);
          const open = (await readdir(`/proc/${pid}/fd`)).length;
          await limit(pid, `${open}:`);
        } catch (error) {
          if (cluster.node(id).pid !== pid) return undefined;
          throw error;
        }
        return async () => {
          // Whoever came after this process has limits of its own.
          if (cluster.node(id).pid !== pid) return;
          try {
            await limit(pid, `${before}:`);
          } catch (error) {
            if (cluster.node(id).pid === pid) throw error;
          }
        };
      },
    }),
    close: () => undefined,
  };
}

async function softLimit(pid: number): Promise<string> {
  const limits = await readFile(`/proc/${pid}/limits`, "utf8");
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1];
  if (soft === undefined) throw new Error(`/proc/${pid}/limits has no limit of open files`);
  return soft;
}

/** `soft:` leaves the hard limit as it is. */
async function limit(pid: number, files: string): Promise<void> {
  await command("prlimit", "--pid", String(pid), `--nofile=${files}`);
}
