import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BenchError } from "@annals/load";
import type { Availability } from "./peer.ts";

const POLL_MS = 50;
const WITHIN_MS = 120_000;
const LOG_CHARACTERS = 2_000;

/** Whether a program is installed, by asking it for its version. `pattern` finds that in what it prints. */
export function installed(program: string, args: readonly string[], pattern: RegExp): Availability {
  try {
    const text = execFileSync(program, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { kind: "available", version: pattern.exec(text)?.[1] ?? "unknown" };
  } catch {
    return { kind: "missing", why: `${program} is not installed` };
  }
}

export interface PeerNode {
  readonly id: string;
  readonly address: string;
  readonly program: string;
  readonly args: readonly string[];
}

/** Processes of a peer, in a directory each; all are gone when this is closed. */
export class PeerProcesses {
  readonly #directory: string;
  readonly #children = new Map<string, ChildProcess>();
  readonly #nodes: ReadonlyMap<string, PeerNode>;

  constructor(directory: string, nodes: readonly PeerNode[]) {
    this.#directory = directory;
    this.#nodes = new Map(nodes.map((node) => [node.id, node]));
  }

  directoryOf(id: string): string {
    const directory = join(this.#directory, id);
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  startAll(): void {
    for (const id of this.#nodes.keys()) this.start(id);
  }

  start(id: string): void {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`no node ${id}`);
    this.directoryOf(id);
    const log = openSync(join(this.#directory, `${id}.log`), "a");
    const child = spawn(node.program, node.args, { stdio: ["ignore", log, log] });
    closeSync(log);
    this.#children.set(id, child);
  }

  pid(id: string): number | undefined {
    const child = this.#children.get(id);
    return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** SIGKILL. */
  async kill(id: string): Promise<void> {
    const child = this.#children.get(id);
    if (child === undefined || this.pid(id) === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children.keys()].map((id) => this.kill(id)));
  }

  /** Waits until `look` finds something; rejects with what the nodes printed last when that takes too long. */
  async until<T>(
    what: string,
    signal: AbortSignal,
    look: () => Promise<T | undefined>,
  ): Promise<T> {
    const deadline = performance.now() + WITHIN_MS;
    while (performance.now() < deadline) {
      signal.throwIfAborted();
      // Whoever is asked may not be there yet.
      const found = await look().catch(() => undefined);
      if (found !== undefined) return found;
      await sleep(POLL_MS, undefined, { signal });
    }
    const tails = [...this.#nodes.keys()].map((id) => `${id}: ${this.#logTail(id)}`);
    throw new BenchError(
      "ERR_BENCH_CLUSTER",
      `${what}: not within ${WITHIN_MS} ms\n${tails.join("\n")}`,
    );
  }

  #logTail(id: string): string {
    return readFileSync(join(this.#directory, `${id}.log`), "utf8").slice(-LOG_CHARACTERS);
  }
}
