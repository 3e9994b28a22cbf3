import { existsSync, readFileSync } from "node:fs";
import { AnnalsClient } from "@annals/client";
import type { ProcessCluster } from "@annals/drill";
import { BenchError } from "../benchError.ts";
import { startThrowAway } from "./throwAway.ts";
import type { ThrowAwayOptions } from "./throwAway.ts";

/** A node as far as it can be measured from here. */
export interface TargetNode {
  readonly id: string;
  /** `host:port` */
  readonly address: string;
  /** Of its process at the moment; undefined when that is on another machine, or gone. */
  readonly pid: () => number | undefined;
}

/** The cluster that is measured. */
export interface Target {
  readonly log: string;
  readonly nodes: readonly TargetNode[];
  /** `host:port` of all nodes, the leader of the log first. */
  addresses(): Promise<readonly string[]>;
  /** What an acknowledgement means here, one fact a line. */
  readonly durability: readonly string[];
  close(): Promise<void>;
}

/** One whose nodes can be taken away. */
export interface OwnTarget extends Target {
  readonly processes: ProcessCluster;
}

const ACK =
  "annals: acknowledged when a quorum has flushed (LMDB, fdatasync before each commit returns); there is no weaker mode";

/** Three nodes of this machine that last as long as the measurement. */
export async function throwAwayTarget(options: ThrowAwayOptions): Promise<OwnTarget> {
  const cluster = await startThrowAway(options);
  const { processes, log, directory } = cluster;
  const nodes = [...processes.nodes.values()].map(({ id, address }) => ({
    id,
    address,
    pid: () => processes.node(id).pid,
  }));
  return {
    log,
    nodes,
    processes,
    addresses: async () => {
      const client = new AnnalsClient({ urls: processes.urls });
      return leaderFirst(client, log, nodes).finally(() => client.close());
    },
    durability: [
      ACK,
      `${nodes.length} nodes, this machine; data on ${fileSystemOf(directory)}; ${options.settings?.trim() || "default settings"}`,
    ],
    close: () => cluster.close(),
  };
}

const RETRY_MS = 10_000;

/** A cluster that is there already. `log` is made if it is not there. */
export async function givenTarget(
  urls: readonly string[],
  log: string,
  signal: AbortSignal,
): Promise<Target> {
  const client = new AnnalsClient({ urls, retryForMs: RETRY_MS });
  try {
    const logs = await client.logs({ signal });
    if (!logs.some(({ name }) => name === log)) await client.createLog(log, { signal });
    const status = await client.cluster({ signal });
    const nodes = status.nodes.map(({ id, address, pid }) => {
      const own = isLocal(address) && pid !== undefined && existsSync(`/proc/${pid}/stat`);
      return { id, address, pid: () => (own ? pid : undefined) };
    });
    return {
      log,
      nodes,
      addresses: () => leaderFirst(client, log, nodes),
      durability: [ACK, `${nodes.length} nodes: ${nodes.map((node) => node.address).join(", ")}`],
      close: () => {
        client.close();
        return Promise.resolve();
      },
    };
  } catch (error) {
    client.close();
    throw error;
  }
}

async function leaderFirst(
  client: AnnalsClient,
  log: string,
  nodes: readonly TargetNode[],
): Promise<readonly string[]> {
  const logs = await client.logs();
  const leader = logs.find(({ name }) => name === log)?.leader;
  const first = nodes.find(({ id }) => id === leader);
  if (first === undefined)
    throw new BenchError("ERR_BENCH_CLUSTER", `the log ${log} has no leader`);
  return [first, ...nodes.filter((node) => node !== first)].map(({ address }) => address);
}

function isLocal(address: string): boolean {
  return /^(?:localhost|127\.[0-9.]+|\[::1\]):\d+$/.test(address);
}

/** "ext4 (/dev/vda)": on a file system in memory a flush costs nothing, and figures mean nothing. */
export function fileSystemOf(path: string): string {
  let found = { mount: "", text: "an unknown file system" };
  for (const line of readFileSync("/proc/mounts", "utf8").split("\n")) {
    const [device = "", mount = "", type = ""] = line.split(" ");
    const inside = path === mount || path.startsWith(mount === "/" ? "/" : `${mount}/`);
    if (mount !== "" && inside && mount.length >= found.mount.length)
      found = { mount, text: `${type} (${device})` };
  }
  return found.text;
}
