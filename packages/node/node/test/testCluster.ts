import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { until, untilReady } from "@annals/fake-server";
import pino from "pino";
import { startNode } from "../src/startNode.ts";
import type { RunningNode } from "../src/incarnations.ts";

/** A log as one node sees it. */
export interface LogView {
  readonly name: string;
  readonly leader?: string;
  readonly lastSeq: number;
  readonly appliedIndex: number;
  readonly headHash?: string;
}

/** Three real nodes in the test's process, their lines kept in memory. */
export class TestCluster {
  readonly directory: string;
  /** Of the nodes that are started from now on, in ms: below what a configuration may say. */
  scrubInterval = 24 * 3600e3;
  /** Of the nodes that are started from now on, in place of what is configured. */
  minFreeBytes: number | undefined;
  readonly lines: Record<string, unknown>[] = [];
  readonly #configs: ReadonlyMap<string, NodeConfig>;
  readonly #nodes = new Map<string, RunningNode>();

  private constructor(directory: string, configs: ReadonlyMap<string, NodeConfig>) {
    this.directory = directory;
    this.#configs = configs;
  }

  /** `flags` are of one node, by dotted path; `extra` is YAML, for all of them. */
  static async start(
    segmentBytes: number,
    extra: string,
    flags: (id: string) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<TestCluster> {
    const directory = await mkdtemp(join(tmpdir(), "annals-cluster-"));
    const ids = ["a", "b", "c"];
    const ports = await freePorts(ids.length);
    const nodes = ids.map((id, k) => `${id}: "127.0.0.1:${ports[k]}"`).join(", ");
    const configs = new Map<string, NodeConfig>();
    for (const id of ids) {
      const text = `cluster: test\nnodes: { ${nodes} }\ndata: ${join(directory, id)}\n${extra}`;
      const loaded = loadConfig({ text, env: {}, node: id, flags: flags(id) });
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      // Smaller than a configuration may say, so that a few records make several segments.
      const storage = { ...loaded.config.storage, segmentBytes };
      configs.set(id, { ...loaded.config, storage });
    }
    const cluster = new TestCluster(directory, configs);
    await cluster.startAll();
    return cluster;
  }

  get ids(): readonly string[] {
    return [...this.#configs.keys()];
  }

  async startAll(): Promise<void> {
    await Promise.all(this.ids.map((id) => this.spawn(id)));
  }

  async spawn(id: string): Promise<void> {
    const config = this.config(id);
    const minFreeBytes = this.minFreeBytes ?? config.storage.minFreeBytes;
    const storage = { ...config.storage, scrubInterval: this.scrubInterval, minFreeBytes };
    const write = (line: string): void => void this.lines.push({ node: id, ...JSON.parse(line) });
    const logger = pino({ level: "info" }, { write });
    this.#nodes.set(id, await startNode({ ...config, storage }, { logger }));
  }

  node(id: string): RunningNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`node ${id} does not run`);
    return node;
  }

  config(id: string): NodeConfig {
    const config = this.#configs.get(id);
    if (config === undefined) throw new RangeError(`no node ${id}`);
    return config;
  }

  url(id: string): string {
    return this.node(id).url;
  }

  async stop(...ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        await this.node(id).close();
        this.#nodes.delete(id);
      }),
    );
  }

  async untilReady(): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(untilReady));
  }

  async reasons(id: string): Promise<string> {
    const response = await fetch(`${this.url(id)}/readyz`).catch(() => undefined);
    return (await response?.text()) ?? "";
  }

  async log(id: string, name = "audit"): Promise<LogView | undefined> {
    const response = await fetch(`${this.url(id)}/v1/cluster`).catch(() => undefined);
    if (response?.ok !== true) return undefined;
    const status = (await response.json()) as { logs: readonly LogView[] };
    return status.logs.find((log) => log.name === name);
  }

  async leader(): Promise<string> {
    return until(async () => {
      const [first] = this.#nodes.keys();
      const leader = first === undefined ? undefined : (await this.log(first))?.leader;
      return leader !== undefined && this.#nodes.has(leader) ? leader : undefined;
    });
  }

  /** Waits until all running nodes hold the same, and returns it. */
  async untilConverged(): Promise<LogView> {
    return until(async () => {
      const views = await Promise.all([...this.#nodes.keys()].map((id) => this.log(id)));
      const [first] = views;
      if (first?.headHash === undefined) return undefined;
      const same = views.every(
        (one) => one?.headHash === first.headHash && one?.appliedIndex === first.appliedIndex,
      );
      return same ? first : undefined;
    });
  }

  /** Appends one record per action through whichever node takes it. */
  async append(actions: readonly string[], more: Readonly<object> = {}): Promise<void> {
    const body = actions
      .map((action) => JSON.stringify({ actor: { id: "alice" }, action, ...more }))
      .join("\n");
    const headers = { "content-type": "application/x-ndjson" };
    await this.untilTaken("/v1/logs/audit/records", { method: "POST", headers, body });
  }

  /** Asks the running nodes in turn until one says yes. */
  async untilTaken(path: string, request: RequestInit): Promise<void> {
    await until(async () => {
      for (const id of this.#nodes.keys()) {
        const response = await fetch(`${this.url(id)}${path}`, request).catch(() => undefined);
        await response?.arrayBuffer();
        if (response?.ok === true) return true;
      }
      return undefined;
    });
  }

  /** What one node itself answers for all its records: a status, and the actions. */
  async read(id: string): Promise<{ status: number; code?: string; actions: readonly string[] }> {
    const response = await fetch(
      `${this.url(id)}/v1/logs/audit/records?from=1&limit=1000&consistency=local`,
    );
    const body = (await response.json()) as {
      code?: string;
      items?: readonly { action: string }[];
    };
    const actions = (body.items ?? []).map((record) => record.action);
    return { status: response.status, actions, ...(body.code ? { code: body.code } : {}) };
  }

  dataOf(id: string): string {
    return join(this.directory, id);
  }

  /** Directories of the segments of the log "audit", ascending. */
  async segments(id: string): Promise<readonly string[]> {
    const logs = join(this.dataOf(id), "logs");
    for (const log of await readdir(logs)) {
      if (log === "0") continue;
      const names = (await readdir(join(logs, log))).filter((name) => /^segment-\d+$/.test(name));
      return names.toSorted().map((name) => join(logs, log, name));
    }
    return [];
  }

  /** Changes a byte of `text` wherever it is in the node's segments; tells how often. The file is changed in place, as rot does. */
  async rot(id: string, text: string): Promise<number> {
    let found = 0;
    for (const segment of await this.segments(id)) {
      const path = join(segment, "data.mdb");
      const bytes = await readFile(path);
      let at = bytes.indexOf(text);
      const before = found;
      for (; at >= 0; at = bytes.indexOf(text, at + 1)) {
        bytes[at] = (bytes[at] ?? 0) ^ 0x40;
        found += 1;
      }
      if (found > before) await writeFile(path, bytes, { flag: "r+" });
    }
    return found;
  }

  async close(): Promise<void> {
    await this.stop(...this.#nodes.keys());
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
