/** Real nodes as separate processes: the built command, one YAML file, a throw-away directory. */
import type { ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnalsClient } from "@annals/client";
import type { ClusterStatus, StoredRecord } from "@annals/client";
import { drawPorts, spawnNode } from "@annals/drill";
import type { TestContext } from "vitest";

/** Of each node, printed when a test has failed. */
const LOG_LINES = 25;

/** The built command. */
export const ENTRY = join(import.meta.dirname, "../../packages/apps/cli/dist/main.js");

export interface ClusterOptions {
  readonly nodes?: readonly string[];
  /** More YAML for all nodes. */
  readonly config?: string;
  /** Data directories other than the default, by node. */
  readonly data?: Readonly<Record<string, string>>;
  /** Flags of Node for the processes of all nodes. */
  readonly flags?: readonly string[];
  /** More environment, by node. */
  readonly env?: (id: string) => Readonly<Record<string, string>>;
}

export interface ProcessOptions {
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface NodeProcess {
  readonly id: string;
  readonly address: string;
  child: ChildProcess | undefined;
  exit: Promise<number | string>;
}

/** Waits for a condition; the test's own time limit is the only one. */
export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class TestCluster {
  readonly directory: string;
  readonly #nodes: Map<string, NodeProcess>;
  readonly #clients: AnnalsClient[] = [];

  private constructor(directory: string, nodes: Map<string, NodeProcess>) {
    this.directory = directory;
    this.#nodes = nodes;
  }

  /** Writes the file and starts every node; does not wait for them. */
  static async start(options: ClusterOptions = {}): Promise<TestCluster> {
    const ids = options.nodes ?? ["a", "b", "c"];
    const directory = await mkdtemp(join(tmpdir(), "annals-cluster-"));
    const nodes = new Map<string, NodeProcess>();
    for (const [id, address] of await drawPorts(ids))
      nodes.set(id, { id, address, child: undefined, exit: Promise.resolve(0) });
    const cluster = new TestCluster(directory, nodes);
    await mkdir(join(directory, "logs"));
    const lines = [
      "cluster: test",
      "nodes:",
      ...[...nodes.values()].map((node) => `  ${node.id}: "${node.address}"`),
    ];
    await writeFile(
      cluster.configFile,
      `${lines.join("\n")}\ndata: "${directory}/\${NODE}"\n${options.config ?? ""}`,
    );
    for (const id of ids) {
      const data = options.data?.[id];
      const given = options.env?.(id) ?? {};
      const env = data === undefined ? given : { ...given, ANNALS_DATA: data };
      cluster.spawn(id, { env, flags: options.flags ?? [] });
    }
    return cluster;
  }

  get configFile(): string {
    return join(this.directory, "annals.yaml");
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  dataOf(id: string): string {
    return join(this.directory, id);
  }

  url(id: string): string {
    return `http://${this.#node(id).address}`;
  }

  spawn(id: string, options: ProcessOptions = {}): void {
    const node = this.#node(id);
    const { child, exited } = spawnNode({
      entry: ENTRY,
      id,
      configFile: this.configFile,
      logFile: join(this.directory, "logs", `${id}.log`),
      env: { NODE: id, ...options.env },
      flags: options.flags ?? [],
    });
    node.child = child;
    node.exit = exited.then((how) => {
      if (node.child === child) node.child = undefined;
      return how;
    });
  }

  signal(id: string, signal: NodeJS.Signals): void {
    this.#node(id).child?.kill(signal);
  }

  /** Kills without warning; resolves when the process is gone. */
  async kill(id: string): Promise<void> {
    const { exit } = this.#node(id);
    this.signal(id, "SIGKILL");
    await exit;
  }

  /** Asks a node to stop; resolves with its exit code. */
  async stop(id: string): Promise<number | string> {
    const { exit } = this.#node(id);
    this.signal(id, "SIGTERM");
    return exit;
  }

  exit(id: string): Promise<number | string> {
    return this.#node(id).exit;
  }

  running(): readonly string[] {
    return this.ids.filter((id) => this.#node(id).child !== undefined);
  }

  /** A client of the given nodes, or of all. */
  client(...ids: readonly string[]): AnnalsClient {
    const urls = (ids.length === 0 ? this.ids : ids).map((id) => this.url(id));
    const client = new AnnalsClient({ urls });
    this.#clients.push(client);
    return client;
  }

  /** The status as one node sees it; undefined when it does not answer. */
  async status(id: string): Promise<ClusterStatus | undefined> {
    try {
      const response = await fetch(`${this.url(id)}/v1/cluster`, {
        signal: AbortSignal.timeout(2000),
      });
      return response.ok ? ((await response.json()) as ClusterStatus) : undefined;
    } catch {
      return undefined;
    }
  }

  async untilReady(...ids: readonly string[]): Promise<void> {
    for (const id of ids.length === 0 ? this.running() : ids) {
      await until(async () => {
        const response = await fetch(`${this.url(id)}/readyz`, {
          signal: AbortSignal.timeout(2000),
        }).catch(() => undefined);
        return response?.ok;
      });
    }
  }

  /** The node that leads a log in the eyes of the running majority. */
  async leader(log = "audit", among: readonly string[] = this.running()): Promise<string> {
    return until(async () => {
      const statuses = await Promise.all(among.map((id) => this.status(id)));
      for (const [k, status] of statuses.entries()) {
        const found = status?.logs.find((one) => one.name === log);
        if (found?.leader !== undefined && found.leader === among[k]) return found.leader;
      }
      return undefined;
    });
  }

  /** Waits until the given nodes hold the same log to the last hash, and returns it. */
  async untilConverged(
    log = "audit",
    ids: readonly string[] = this.running(),
  ): Promise<{ lastSeq: number; headHash: string }> {
    return until(async () => {
      const statuses = await Promise.all(ids.map((id) => this.status(id)));
      const logs = statuses.map((status) => status?.logs.find((one) => one.name === log));
      const [first] = logs;
      if (first?.headHash === undefined) return undefined;
      const same = logs.every(
        (one) => one?.headHash === first.headHash && one?.appliedIndex === first.appliedIndex,
      );
      return same ? { lastSeq: first.lastSeq, headHash: first.headHash } : undefined;
    });
  }

  /** Everything that one node itself has. */
  async localRecords(id: string, log = "audit"): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    const client = this.client(id);
    for await (const record of client.records(log, { consistency: "local", limit: 10_000 }))
      records.push(record);
    return records;
  }

  async logText(id: string): Promise<string> {
    return readFile(join(this.directory, "logs", `${id}.log`), "utf8").catch(() => "");
  }

  /** Closes, and prints the end of every node's log if the test has failed. */
  async closeAfter({ task }: TestContext): Promise<void> {
    if (task.result?.state === "fail") {
      for (const id of this.ids) {
        const lines = (await this.logText(id)).split("\n").slice(-LOG_LINES);
        console.error(`--- ${id}\n${lines.join("\n")}`);
      }
    }
    await this.close();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const id of this.running()) this.signal(id, "SIGCONT");
    await Promise.all(this.running().map((id) => this.kill(id)));
    await rm(this.directory, { recursive: true, force: true });
  }

  #node(id: string): NodeProcess {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    return node;
  }
}
