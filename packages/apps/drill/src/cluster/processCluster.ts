import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterStatus } from "@annals/client";
import { ProcessNode } from "./processNode.ts";

const STATUS_TIMEOUT_MS = 1500;
const POLL_MS = 100;
const MONITOR_MS = 400;

export interface ProcessClusterOptions {
  /** Where configurations and process logs are written. */
  readonly directory: string;
  /** The built command: the script that Node runs. */
  readonly entry: string;
  /** `host:port` of every node. */
  readonly addresses: ReadonlyMap<string, string>;
  readonly dataOf: (id: string) => string;
  /** YAML of a node's whole configuration. */
  readonly configOf: (id: string) => string;
  readonly envOf: (id: string) => Readonly<Record<string, string>>;
  /** The log whose leader and elections are watched. */
  readonly log: string;
  /** Told what every node says of itself, whoever has asked it. */
  readonly onStatus?: (id: string, status: ClusterStatus) => void;
  /** A process that ended by itself, or not as it was asked to. */
  readonly onBadExit: (text: string) => void;
}

/** Real nodes as processes of the built command, with what a monitor has seen of them. */
export class ProcessCluster {
  readonly nodes: ReadonlyMap<string, ProcessNode>;
  readonly #log: string;
  readonly #onStatus: (id: string, status: ClusterStatus) => void;
  #leader: string | undefined;
  #term = 0;
  #elections = 0;
  #monitoring: Promise<void> | undefined;
  readonly #closing = new AbortController();

  private constructor(nodes: ReadonlyMap<string, ProcessNode>, options: ProcessClusterOptions) {
    this.nodes = nodes;
    this.#log = options.log;
    this.#onStatus = options.onStatus ?? (() => undefined);
  }

  /** Writes the files and starts every node; does not wait for them. */
  static async start(options: ProcessClusterOptions): Promise<ProcessCluster> {
    const { directory, entry, addresses } = options;
    const nodes = new Map<string, ProcessNode>();
    for (const [id, address] of addresses) {
      const data = options.dataOf(id);
      await mkdir(data, { recursive: true });
      nodes.set(
        id,
        new ProcessNode({
          id,
          address,
          entry,
          directory,
          data,
          config: options.configOf(id),
          env: options.envOf(id),
          onBadExit: options.onBadExit,
        }),
      );
    }
    for (const node of nodes.values()) await node.prepare();
    const cluster = new ProcessCluster(nodes, options);
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

  node(id: string): ProcessNode {
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
      if (!response.ok) return undefined;
      const status = (await response.json()) as ClusterStatus;
      this.#onStatus(id, status);
      return status;
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
        const log = status?.logs.find((one) => one.name === this.#log);
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
