import { join } from "node:path";
import { EXIT_STORAGE_FAILED, SIGNAL_WRITE_FAILED, command } from "@annals/drill";
import type { ProcessCluster } from "@annals/drill";
import { powerCutPath } from "./powerCut.ts";
import { Mount, mountAll, unmountAll } from "./mounts.ts";
import type { Strike } from "./strike.ts";
import type { Tool, ToolSite } from "./tool.ts";

const DISK_BYTES = 192 * 1024 * 1024;

/** The power goes: the disks stop first and lose what was not flushed, then the processes are gone. */
export async function powerTool(site: ToolSite): Promise<Tool> {
  const { directory, nativeDirectory, ids, dataOf } = site;
  const mounts = await mountAll(ids, (id) =>
    Mount.ext4(dataOf(id), join(directory, `${id}.ext4`), DISK_BYTES),
  );
  /** Where the power has gone already it cannot go again. Taken at once, before anything is waited for. */
  const powered = new Set(ids);
  const cut =
    (cluster: ProcessCluster): Strike =>
    async (nodes) => {
      const struck = nodes.flatMap((id) => {
        const mount = mounts.get(id);
        return mount !== undefined && powered.delete(id)
          ? [{ id, mount, node: cluster.node(id) }]
          : [];
      });
      if (struck.length === 0) return undefined;
      for (const { node } of struck) node.excuse(EXIT_STORAGE_FAILED, SIGNAL_WRITE_FAILED);
      await command(powerCutPath(nativeDirectory), ...struck.map(({ mount }) => mount.path));
      await Promise.all(struck.map(({ node }) => node.kill()));
      await Promise.all(struck.map(({ mount }) => mount.unmount()));
      return async () => {
        for (const { id, mount, node } of struck) {
          await mount.mount();
          powered.add(id);
          node.release();
        }
      };
    };
  return {
    strikes: (cluster) => ({
      powerLoss: cut(cluster),
      powerLossMinority: cut(cluster),
      powerLossAll: cut(cluster),
    }),
    close: () => unmountAll(mounts),
  };
}
