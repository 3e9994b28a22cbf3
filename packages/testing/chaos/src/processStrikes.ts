import { rename, mkdir } from "node:fs/promises";
import { AnnalsClient, ClientError } from "@annals/client";
import type { ProcessCluster } from "@annals/drill";
import { LOG } from "./auditLog.ts";
import { nothingToHeal } from "./strike.ts";
import type { Strike, Strikes } from "./strike.ts";

const TRANSFER_TIMEOUT_MS = 2000;

/** Faults that need no more than the right to send signals and to ask the cluster itself. */
export function processStrikes(cluster: ProcessCluster): Strikes {
  const kill: Strike = async (ids) => {
    const nodes = ids.map((id) => cluster.node(id));
    await Promise.all(nodes.map((node) => node.kill()));
    return () => {
      for (const node of nodes) node.release();
    };
  };
  const freeze: Strike = (ids) => {
    const nodes = ids.map((id) => cluster.node(id));
    for (const node of nodes) node.freeze();
    return () => {
      for (const node of nodes) node.thaw();
    };
  };
  return {
    kill,
    killMinority: kill,
    killMajority: kill,
    killAll: kill,
    freeze,
    freezeMajority: freeze,
    terminate: (ids) => {
      const nodes = ids.map((id) => cluster.node(id));
      const stopped = Promise.all(nodes.map((node) => node.stop()));
      return async () => {
        await stopped;
        for (const node of nodes) node.release();
      };
    },
    transfer: ([to]) => transfer(cluster, to),
    wipe: ([id]) => wipe(cluster, id),
  };
}

async function transfer(cluster: ProcessCluster, to: string | undefined) {
  const { leader } = cluster;
  if (leader === undefined || to === undefined || leader === to) return undefined;
  const urls = [cluster.node(leader).url];
  const client = new AnnalsClient({ urls, attemptTimeoutMs: TRANSFER_TIMEOUT_MS, retryForMs: 0 });
  try {
    await client.transferLeadership(LOG, to);
    return nothingToHeal;
  } catch (error) {
    // The leader may have gone meanwhile, or not get the other one to catch up in time: that is for it to say.
    if (error instanceof ClientError) return undefined;
    throw error;
  } finally {
    client.close();
  }
}

/**
 * A node loses its disk. Only while every node is up and votes: a second loss before the first one is made good would in the end take away
 * more than a minority, and no log survives that.
 */
async function wipe(cluster: ProcessCluster, id: string | undefined) {
  if (id === undefined || !(await allVote(cluster))) return undefined;
  const node = cluster.node(id);
  await node.kill();
  await rename(node.data, `${node.data}.lost-${performance.now().toFixed()}`);
  await mkdir(node.data);
  return () => node.release();
}

async function allVote(cluster: ProcessCluster): Promise<boolean> {
  const statuses = await cluster.statuses();
  const leaders = statuses.filter((status, k) =>
    status?.logs.some((log) => log.name === LOG && log.leader === cluster.ids[k]),
  );
  const everyoneIsUp = statuses.every((status) => status !== undefined);
  const replicas = leaders[0]?.logs.find((log) => log.name === LOG)?.replicas ?? [];
  const voters = replicas.filter(({ role }) => role === "leader" || role === "follower");
  return everyoneIsUp && leaders.length === 1 && voters.length === cluster.ids.length;
}
