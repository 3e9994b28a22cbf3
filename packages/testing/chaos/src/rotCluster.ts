/** Trials on a whole cluster of real processes: a minority's files are damaged, and every record must come back right from every node. */
import type { ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { drawPorts, spawnNode } from "@annals/drill";
import { damageLog } from "./rotDamage.ts";
import type { RotKind } from "./rotDamage.ts";
import type { RotOutcome } from "./rotReport.ts";

const ENTRY = join(import.meta.dirname, "../../../apps/cli/dist/main.js");
const IDS = ["a", "b", "c"] as const;
const TRIAL_LIMIT_MS = 120_000;
const POLL_MS = 100;
const RECORDS = 600;
const SETTINGS = `replication:
  maxMessageBytes: 512KiB
  append: { maxBytes: 256KiB, maxInflightBytes: 1MiB }
  receive: { maxQueueBytes: 2MiB }
  blob: { chunkBytes: 64KiB }
batch: { maxBytes: 128KiB }
ingest: { maxBodyBytes: 1MiB, maxRecordBytes: 64KiB }
storage: { segmentBytes: 512KiB, minFreeBytes: 1MiB }
workers: { count: 1 }
`;

type Below = (n: number) => number;

interface LogView {
  readonly name: string;
  readonly headHash?: string;
  readonly appliedIndex: number;
}

export class RotCluster {
  readonly #directory: string;
  readonly #addresses: ReadonlyMap<string, string>;
  readonly #children = new Map<string, ChildProcess>();
  readonly #expected: string[] = [];
  /** Nodes that are to run: whatever ends by a signal is started again, as a service manager would. */
  readonly #wanted = new Set<string>();
  #restarts = 0;
  #ended: string | undefined;

  private constructor(directory: string, addresses: ReadonlyMap<string, string>) {
    this.#directory = directory;
    this.#addresses = addresses;
  }

  /** Starts three nodes and fills a log with records. */
  static async start(below: Below): Promise<RotCluster> {
    const directory = await mkdtemp(join(tmpdir(), "annals-rot-cluster-"));
    const addresses = await drawPorts(IDS);
    const cluster = new RotCluster(directory, addresses);
    const nodes = [...addresses].map(([id, address]) => `  ${id}: "${address}"\n`).join("");
    const text = `cluster: rot\nnodes:\n${nodes}data: "${directory}/\${NODE}"\n${SETTINGS}`;
    await writeFile(join(directory, "annals.yaml"), text);
    for (const id of IDS) cluster.#spawn(id);
    await cluster.#untilWhole();
    await cluster.#fill(below);
    return cluster;
  }

  /** Damages `nodes` nodes, each with `hits` hits of a kind, and waits until all is well again. */
  async trial(kind: RotKind, nodes: number, hits: number, below: Below): Promise<RotOutcome> {
    const first = below(IDS.length);
    const chosen = IDS.map((_, k) => IDS[(first + k) % IDS.length] ?? "a").slice(0, nodes);
    const done: string[] = [];
    const members = await Promise.all(chosen.map((id) => this.#member(id)));
    const told = await Promise.all(chosen.map((id) => this.#repairs(id)));
    // Two disks given up at once would be a majority: then all wait for the operator, and rightly.
    const where = nodes > 1 ? "sealed" : "anywhere";
    this.#restarts = 0;
    this.#ended = undefined;
    try {
      await Promise.all(chosen.map((id) => this.#stop(id)));
      for (const id of chosen) {
        for (let hit = 0; hit < hits; hit++)
          done.push(`${id}: ${await damageLog(await this.#logOf(id), kind, below, where)}`);
      }
      for (const id of chosen) this.#spawn(id);
      await this.#untilWhole();
      for (const id of IDS) await this.#compare(id);
    } catch (error) {
      const failure = error instanceof Error ? error.message : String(error);
      return { result: "failed", what: done.join("; "), failure };
    }
    const after = await Promise.all(chosen.map((id) => this.#member(id)));
    const repairs = await Promise.all(chosen.map((id) => this.#repairs(id)));
    for (const id of chosen) await this.#forgetQuarantine(id);
    const rejoined = after.some((member, k) => member !== members[k]);
    const repaired = repairs.some((count, k) => count > (told[k] ?? 0));
    return {
      result: rejoined ? "rejoined" : repaired ? "repaired" : "harmless",
      what: done.join("; ") + (this.#restarts > 0 ? `; ${this.#restarts} restarts` : ""),
      failure: undefined,
    };
  }

  async close(): Promise<void> {
    this.#wanted.clear();
    for (const child of this.#children.values()) child.kill("SIGKILL");
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(id: string): void {
    this.#wanted.add(id);
    const { child, exited } = spawnNode({
      entry: ENTRY,
      id,
      configFile: join(this.#directory, "annals.yaml"),
      logFile: join(this.#directory, `${id}.log`),
      env: { NODE: id },
    });
    void exited.then(() => this.#gone(id, child));
    this.#children.set(id, child);
  }

  #gone(id: string, child: ChildProcess): void {
    if (this.#children.get(id) !== child) return;
    this.#children.delete(id);
    if (!this.#wanted.has(id)) return;
    if (child.signalCode === null) this.#ended = `node ${id} ended with ${child.exitCode}`;
    else {
      this.#restarts += 1;
      this.#spawn(id);
    }
  }

  async #stop(id: string): Promise<void> {
    this.#wanted.delete(id);
    const child = this.#children.get(id);
    if (child === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  }

  async #fill(below: Below): Promise<void> {
    for (let k = 0; k < RECORDS; k += 20) {
      const actions = Array.from({ length: 20 }, (_, j) => `action-${k + j}`);
      const text = Array.from({ length: 500 }, () => below(2 ** 32).toString(36)).join("");
      const lines = actions.map((action) =>
        JSON.stringify({ actor: { id: "rot" }, action, data: { text } }),
      );
      await this.#append(lines.join("\n"));
      this.#expected.push(...actions.map((action) => `${action} ${text}`));
    }
    await this.#untilWhole();
  }

  async #append(body: string): Promise<void> {
    await this.#until("append", async () => {
      const response = await this.#fetch("a", "/v1/logs/audit/records", {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body,
      });
      await response?.arrayBuffer();
      return response?.ok === true;
    });
  }

  /** Every node is ready and holds the same log to the last hash. */
  async #untilWhole(): Promise<void> {
    await this.#until("all nodes ready and equal", async () => {
      const views: (LogView | undefined)[] = [];
      for (const id of IDS) {
        const ready = await this.#fetch(id, "/readyz");
        await ready?.arrayBuffer();
        if (ready?.ok !== true) return false;
        const response = await this.#fetch(id, "/v1/cluster");
        if (response?.ok !== true) return false;
        const status = (await response.json()) as { logs: readonly LogView[] };
        views.push(status.logs.find(({ name }) => name === "audit"));
      }
      const [head] = views;
      return (
        head?.headHash !== undefined &&
        views.every(
          (one) => one?.headHash === head.headHash && one?.appliedIndex === head.appliedIndex,
        )
      );
    });
  }

  /** Reads everything that the node itself has. */
  async #compare(id: string): Promise<void> {
    for (let seq = 1; seq <= RECORDS; seq += 100) {
      const query = `from=${seq}&to=${seq + 99}&limit=100&consistency=local`;
      const response = await this.#fetch(id, `/v1/logs/audit/records?${query}`);
      if (response?.ok !== true) throw new Error(`node ${id} answers ${response?.status}`);
      const page = (await response.json()) as {
        items: readonly { seq: number; action: string; data: { text: string } }[];
      };
      for (let k = 0; k < 100; k++) {
        const item = page.items[k];
        const found = `${item?.action} ${item?.data.text}`;
        if (item?.seq !== seq + k || found !== this.#expected[seq + k - 1])
          throw new Error(`WRONG BYTES: node ${id}, seq ${seq + k}: ${found.slice(0, 60)}`);
      }
    }
  }

  async #until(what: string, look: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + TRIAL_LIMIT_MS;
    while (performance.now() < deadline) {
      if (this.#ended !== undefined) throw new Error(this.#ended);
      if (await look()) return;
      await delay(POLL_MS);
    }
    const reasons = await Promise.all(
      IDS.map(async (id) => `${id}: ${(await (await this.#fetch(id, "/readyz"))?.text()) ?? "-"}`),
    );
    throw new Error(`waited in vain for: ${what}; ${reasons.join("; ")}`);
  }

  async #fetch(id: string, path: string, init: RequestInit = {}): Promise<Response | undefined> {
    const signal = AbortSignal.timeout(10_000);
    const url = `http://${this.#addresses.get(id)}${path}`;
    return fetch(url, { ...init, signal }).catch(() => undefined);
  }

  async #logOf(id: string): Promise<string> {
    const logs = join(this.#directory, id, "logs");
    const names = (await readdir(logs)).filter((name) => name !== "0");
    return join(logs, names[0] ?? "");
  }

  async #member(id: string): Promise<number> {
    const text = await readFile(join(this.#directory, id, "node.json"), "utf8");
    return (JSON.parse(text) as { member: number }).member;
  }

  async #repairs(id: string): Promise<number> {
    const text = await readFile(join(this.#directory, `${id}.log`), "utf8");
    return text.split('"log repaired"').length - 1;
  }

  /** The operator has looked at it: the next trial may need another one. */
  async #forgetQuarantine(id: string): Promise<void> {
    const data = join(this.#directory, id);
    for (const name of (await readdir(data)).filter((one) => one.startsWith("quarantine-")))
      await rm(join(data, name), { recursive: true });
  }
}
