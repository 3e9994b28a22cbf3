/** Two histories of the log `audit`, as they come of the disks of a quorum that were put back. */
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestCluster, until } from "./cluster.ts";

export const RECORD = '{"actor":{"type":"user","id":"u"},"action":"test.append"}\n';

export async function append(
  cluster: TestCluster,
  times: number,
  ...ids: readonly string[]
): Promise<void> {
  const client = cluster.client(...ids);
  const bytes = new TextEncoder().encode(RECORD);
  for (let k = 0; k < times; k++)
    await client.append("audit", { contentType: "application/x-ndjson", bytes });
}

export async function stopAll(cluster: TestCluster): Promise<void> {
  for (const id of cluster.running()) await cluster.stop(id);
}

/**
 * All nodes have three records; then all acknowledge three more, the disks of all but the first node are put back, and those acknowledge
 * one. All run, and the first node has said that histories differ when this resolves. The others may say so, too, or wait for a leader that
 * has what was committed: that depends on who led. With `only` it is the directory of that log that is put back, as when it has a volume
 * of its own.
 */
export async function putQuorumBack(cluster: TestCluster, only?: number): Promise<void> {
  await cluster.untilReady();
  const [kept = "", ...putBack] = cluster.ids;
  const part = (id: string): string =>
    only === undefined ? cluster.dataOf(id) : join(cluster.dataOf(id), "logs", String(only));
  const earlier = (id: string): string => `${cluster.dataOf(id)}.earlier`;
  await append(cluster, 3);
  await cluster.untilConverged();
  await stopAll(cluster);
  for (const id of putBack) await cp(part(id), earlier(id), { recursive: true });

  for (const id of cluster.ids) cluster.spawn(id);
  await cluster.untilReady();
  await append(cluster, 3);
  await cluster.untilConverged();
  await stopAll(cluster);
  for (const id of putBack) {
    await rm(part(id), { recursive: true });
    await cp(earlier(id), part(id), { recursive: true });
    cluster.spawn(id);
  }
  await cluster.untilReady(...putBack);
  await append(cluster, 1, ...putBack);

  cluster.spawn(kept);
  await until(async () => (await cluster.logText(kept)).includes("its history differs"));
}

/** The id of the only log beside `_system`, which names its directory. */
export async function logIdOf(cluster: TestCluster): Promise<number> {
  await cluster.untilReady();
  const [id = ""] = cluster.ids;
  const names = await readdir(join(cluster.dataOf(id), "logs"));
  return Number(names.find((name) => name !== "0"));
}
