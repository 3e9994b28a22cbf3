import { setTimeout as delay } from "node:timers/promises";
import { loadConfig } from "@annals/config";
import { startNode } from "@annals/node";
import type { RunningNode } from "@annals/node";
import pino from "pino";
import { freePort } from "./freePort.ts";

/** Said of a log that an earlier try has created. */
const EXISTS = 409;
/** Said of a log that the birth is about to make, and of too many requests. */
const LATER: readonly number[] = [404, 429];
const POLL_MS = 50;
/** Only for what hangs. */
const DEADLINE_MS = 120_000;

/** Thrown when the node has ended by itself; its message is all that the node has said of the reason. */
export class NodeEnded extends Error {
  override readonly name = "NodeEnded";
}

/** A cluster of one in this process, asked over HTTP like any other, and again for as long as its disk refuses. */
export class RefusedNode {
  readonly #node: RunningNode;
  readonly #lines: readonly string[];
  #ended = false;

  private constructor(node: RunningNode, lines: readonly string[]) {
    this.#node = node;
    this.#lines = lines;
    void node.closed.then(() => (this.#ended = true));
  }

  /** Rejects with NodeEnded when the node does not start. What it says goes to `lines`, a JSON object each. */
  static async start(data: string, lines: string[] = []): Promise<RefusedNode> {
    const text = `cluster: test
nodes: { a: "127.0.0.1:${await freePort()}" }
data: ${data}
workers: { count: 1 }
storage: { minFreeBytes: 1MiB }
`;
    const loaded = loadConfig({ text, env: {}, node: "a" });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const logger = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
    try {
      return new RefusedNode(await startNode(loaded.config, { logger }), lines);
    } catch (error) {
      throw new NodeEnded(textOf(error), { cause: error });
    }
  }

  /** Stops the node. Rejects with NodeEnded when it had ended by itself. */
  async close(): Promise<void> {
    await this.#node.close();
    const { code } = await this.#node.closed;
    if (code !== 0) throw this.#end();
  }

  async untilReady(): Promise<void> {
    await this.#until("ready", async () => (await this.#ask("/readyz"))?.ok === true);
  }

  /** Waits until the node says a reason with all of these in it. */
  async untilSaid(texts: readonly string[]): Promise<void> {
    await this.#until(`saying ${texts.join(" and ")}`, async () => {
      const answer = await this.#ask("/v1/cluster");
      if (answer?.ok !== true) return false;
      const { reasons } = (await answer.json()) as { readonly reasons: readonly string[] };
      return reasons.some((reason) => texts.every((text) => reason.includes(text)));
    });
  }

  /** The records of a log that this node shows from its own copy, once there are at least so many. */
  async records(log: string, count: number): Promise<readonly Readonly<Record<string, unknown>>[]> {
    let found: readonly Readonly<Record<string, unknown>>[] = [];
    await this.#until(`showing ${count} records of ${log}`, async () => {
      const answer = await this.#ask(`/v1/logs/${log}/records?consistency=local&limit=100`);
      if (answer?.ok !== true) return false;
      found = recordsOf(await answer.json());
      return found.length >= count;
    });
    return found;
  }

  /** Appends until it is acknowledged: twice is nothing worse than two records. */
  async untilStored(log: string, record: object): Promise<void> {
    const init = {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(record),
    };
    await this.#untilDone(`/v1/logs/${log}/records`, init);
  }

  async untilUploaded(log: string, digest: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#untilDone(`/v1/logs/${log}/blobs/${digest}`, { method: "PUT", body });
  }

  async untilCreated(log: string): Promise<void> {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ name: log });
    await this.#untilDone("/v1/logs", { method: "POST", headers, body });
  }

  async #untilDone(path: string, init: RequestInit): Promise<void> {
    await this.#until(`done: ${path}`, async () => {
      const answer = await this.#ask(path, init);
      if (answer === undefined || answer.status >= 500 || LATER.includes(answer.status))
        return false;
      if (answer.ok || answer.status === EXISTS) return true;
      throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    });
  }

  /** Undefined while nobody answers. */
  async #ask(path: string, init: RequestInit = {}): Promise<Response | undefined> {
    return fetch(this.#node.url + path, init).catch(() => undefined);
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while (!(await isSo())) {
      if (this.#ended) throw this.#end();
      if (performance.now() > deadline) throw new Error(`not ${what}: ${this.#lines.join("")}`);
      await delay(POLL_MS);
    }
  }

  #end(): NodeEnded {
    return new NodeEnded(this.#lines.filter((line) => line.includes('"level":60')).join(""));
  }
}

function recordsOf(page: unknown): readonly Readonly<Record<string, unknown>>[] {
  return (page as { readonly items: readonly Readonly<Record<string, unknown>>[] }).items;
}

/** What the command prints: the texts of an error and of its causes. */
function textOf(error: unknown): string {
  const texts: string[] = [];
  for (let next = error; next instanceof Error; next = next.cause) texts.push(next.message);
  return texts.join(": ");
}
