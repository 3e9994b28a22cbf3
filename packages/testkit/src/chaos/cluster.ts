import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterStatus } from "@annals/client";
import { ChaosNode } from "./node.ts";

export const LOG = "audit";
const STATUS_TIMEOUT_MS = 1500;
const POLL_MS = 100;
const MONITOR_MS = 400;

export interface ClusterOptions {
  readonly directory: string;
  readonly ids: readonly string[];
  readonly dataOf: (id: string) => string;
  readonly envOf: (id: string) => Readonly<Record<string, string>>;
  readonly onBadExit: (text: string) => void;
}

/** Node k listens on 127.0.0.(k+1), so that packets tell who sends them. */
function hostOf(k: number): string {
  return `127.0.0.${k + 1}`;
}

/** A port that was free a moment ago. */
async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Picks an address for each node. */
export async function drawAddresses(ids: readonly string[]): Promise<Map<string, string>> {
  const addresses = new Map<string, string>();
  for (const [k, id] of ids.entries())
    addresses.set(id, `${hostOf(k)}:${await freePort(hostOf(k))}`);
  return addresses;
}

/** Real nodes as processes of the built command, with what a monitor has seen of them. */
export class ChaosCluster {
  readonly nodes: ReadonlyMap<string, ChaosNode>;
  #leader: string | undefined;
  #term = 0;
  #elections = 0;
  #monitoring: Promise<void> | undefined;
  readonly #closing = new AbortController();

  private constructor(nodes: ReadonlyMap<string, ChaosNode>) {
    this.nodes = nodes;
  }

  /** Writes the files and starts every node; does not wait for them. */
  static async start(
    options: ClusterOptions,
    addresses: ReadonlyMap<string, string>,
  ): Promise<ChaosCluster> {
    const { directory, ids } = options;
    const nodes = new Map<string, ChaosNode>();
    for (const id of ids) {
      const data = options.dataOf(id);
      await mkdir(data, { recursive: true });
      nodes.set(
        id,
        new ChaosNode({
          id,
          address: addresses.get(id) ?? "",
          directory,
          data,
          config: yaml(addresses, data),
          env: options.envOf(id),
          onBadExit: options.onBadExit,
        }),
      );
    }
    for (const node of nodes.values()) await node.prepare();
    const cluster = new ChaosCluster(nodes);
    for (const node of nodes.values()) node.start();
    cluster.#monitoring = cluster.#monitor();
    return cluster;
  }

  get ids(): readonly string[] {
    return [...this.nodes.keys()];
  }

  get urls(): readonly string[] {
    return [...this.nodes.values()].map((node) => node.url);
  }

  /** As last seen. */
  get leader(): string | undefined {
    return this.#leader;
  }

  /** Changes of term that were seen; there may have been more. */
  get elections(): number {
    return this.#elections;
  }

  node(id: string): ChaosNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node;
  }

  /** The status as one node sees it; undefined when it does not answer. */
  async status(id: string): Promise<ClusterStatus | undefined> {
    try {
      const signal = AbortSignal.any([
        this.#closing.signal,
        AbortSignal.timeout(STATUS_TIMEOUT_MS),
      ]);
      const response = await fetch(`${this.node(id).url}/v1/cluster`, { signal });
      return response.ok ? ((await response.json()) as ClusterStatus) : undefined;
    } catch {
      return undefined;
    }
  }

  async statuses(): Promise<readonly (ClusterStatus | undefined)[]> {
    return Promise.all(this.ids.map((id) => this.status(id)));
  }

  /** Waits until `look` finds something; undefined when the time is over. */
  async until<T>(
    withinMs: number,
    signal: AbortSignal,
    look: () => Promise<T | undefined> | T | undefined,
  ): Promise<T | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      signal.throwIfAborted();
      const found = await look();
      if (found !== undefined) return found;
      if (performance.now() > deadline) return undefined;
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  async #monitor(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const statuses = await this.statuses();
      const logs = statuses.flatMap((status, k) => {
        const log = status?.logs.find((one) => one.name === LOG);
        return log === undefined ? [] : [{ ...log, node: this.ids[k] }];
      });
      const term = Math.max(this.#term, ...logs.map((log) => log.term));
      if (term > this.#term) this.#elections++;
      this.#term = term;
      this.#leader = logs.find((log) => log.term === term && log.leader === log.node)?.node;
      await sleep(MONITOR_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Every process is gone afterwards. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.nodes.values()].map((node) => node.close()));
    await this.#monitoring;
  }
}

function yaml(addresses: ReadonlyMap<string, string>, data: string): string {
  return [
    "cluster: chaos",
    "nodes:",
    ...[...addresses].map(([id, address]) => `  ${id}: "${address}"`),
    `data: ${JSON.stringify(data)}`,
    `logs: [${LOG}]`,
    // Small segments and a low floor: rolls happen within seconds, and a small disk will do.
    "storage: { segmentBytes: 8MiB, minFreeBytes: 4MiB }",
    "workers: { count: 2 }",
    "",
  ].join("\n");
}
