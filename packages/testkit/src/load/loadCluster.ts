import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawPorts, ProcessCluster } from "@annals/drill";

const IDS = ["a", "b", "c"] as const;
const READY_MS = 60_000;
const LOG = "audit";

/** Nodes of the built command, each a process, for as long as a measurement takes. */
export interface LoadCluster {
  readonly processes: ProcessCluster;
  /** `host:port` of the node that leads the log. */
  readonly leader: string;
  readonly addresses: readonly string[];
  close(): Promise<void>;
}

/** Starts one or three nodes with `settings` (YAML) and variables and waits until the log has a leader and all are ready. */
export async function startLoadCluster(
  nodes: 1 | 3,
  settings: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<LoadCluster> {
  const directory = await mkdtemp(join(tmpdir(), "annals-load-"));
  const ids = IDS.slice(0, nodes);
  const addresses = await drawPorts(ids);
  const list = [...addresses].map(([id, address]) => `  ${id}: "${address}"\n`).join("");
  const dataOf = (id: string): string => join(directory, id);
  const processes = await ProcessCluster.start({
    directory,
    entry: join(import.meta.dirname, "../../../cli/dist/main.js"),
    addresses,
    dataOf,
    configOf: (id) => `cluster: load\nnodes:\n${list}data: "${dataOf(id)}"\n${settings}`,
    envOf: () => variables,
    log: LOG,
    onBadExit: (text) => console.error(text),
  });
  const close = async (): Promise<void> => {
    await processes.close();
    await rm(directory, { recursive: true, force: true });
  };
  const leader = await processes.until(READY_MS, new AbortController().signal, async () => {
    const ready = await Promise.all(processes.urls.map(isReady));
    return ready.every(Boolean) ? processes.leader : undefined;
  });
  if (leader === undefined) {
    await close();
    throw new Error(`the cluster was not ready within ${READY_MS} ms`);
  }
  return {
    processes,
    leader: addresses.get(leader) ?? "",
    addresses: [...addresses.values()],
    close,
  };
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}
