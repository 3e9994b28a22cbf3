import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drawPorts, ProcessCluster } from "@annals/drill";
import { BenchError } from "../benchError.ts";

const IDS = ["a", "b", "c"] as const;
const READY_MS = 60_000;
const LOG_LINES = 5;

export interface ThrowAwayOptions {
  /** The built command: the script that Node runs. */
  readonly entry: string;
  readonly nodes: 1 | 3;
  /** YAML, on top of what every configuration needs. */
  readonly settings?: string;
  /** On top of what this process has. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the data is while it lasts; default: the directory for temporary files, whose disk should be a real one. */
  readonly parent?: string;
  readonly signal?: AbortSignal;
}

/** Nodes of the built command, each a process, on loopback, for as long as a measurement takes. */
export interface ThrowAway {
  readonly processes: ProcessCluster;
  readonly log: string;
  readonly directory: string;
  /** `host:port` of the node that led the log when the cluster was ready. */
  readonly leader: string;
  /** `host:port` by node. */
  readonly addresses: ReadonlyMap<string, string>;
  /** Idempotent. */
  close(): Promise<void>;
}

const LOG = "audit";

/** Starts the nodes and waits until the log has a leader and all are ready. Rejects with ERR_BENCH_CLUSTER if that takes a minute. */
export async function startThrowAway(options: ThrowAwayOptions): Promise<ThrowAway> {
  const directory = await mkdtemp(join(options.parent ?? tmpdir(), "annals-bench-"));
  const ids = IDS.slice(0, options.nodes);
  const addresses = await drawPorts(ids);
  const list = [...addresses].map(([id, address]) => `  ${id}: "${address}"\n`).join("");
  const dataOf = (id: string): string => join(directory, id);
  const badExits: string[] = [];
  const processes = await ProcessCluster.start({
    directory,
    entry: options.entry,
    addresses,
    dataOf,
    configOf: (id) =>
      `cluster: bench\nnodes:\n${list}data: "${dataOf(id)}"\n${options.settings ?? ""}`,
    envOf: () => options.env ?? {},
    log: LOG,
    onBadExit: (text) => badExits.push(text),
  });
  const close = async (): Promise<void> => {
    await processes.close();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const signal = options.signal ?? new AbortController().signal;
    const leader = await processes.until(READY_MS, signal, async () => {
      if (badExits.length > 0) throw await notReady(processes, badExits.join("; "));
      const ready = await Promise.all(processes.urls.map(isReady));
      return ready.every(Boolean) ? processes.leader : undefined;
    });
    if (leader === undefined) throw await notReady(processes, `not ready within ${READY_MS} ms`);
    return {
      processes,
      log: LOG,
      directory,
      leader: addresses.get(leader) ?? "",
      addresses,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function notReady(processes: ProcessCluster, why: string): Promise<BenchError> {
  const tails = await Promise.all(
    [...processes.nodes.values()].map(
      async (node) => `${node.id}: ${await node.logTail(LOG_LINES)}`,
    ),
  );
  const what = `the throw-away cluster did not start: ${why}\n${tails.join("\n")}`;
  return new BenchError("ERR_BENCH_CLUSTER", what);
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.ok === true;
}
