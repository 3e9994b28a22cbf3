import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { elapsedText } from "@annals/drill";
import type { AnnalsClient } from "@annals/client";
import { CliError } from "../program/cliError.ts";
import type { DevLayout } from "./devFiles.ts";
import { NodeProcess, describeEnding } from "./nodeProcess.ts";
import type { Ending } from "./nodeProcess.ts";

export interface DevClusterOptions {
  readonly layout: DevLayout;
  readonly entry: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly client: AnnalsClient;
  /** Told, in words, whatever happens to a node. */
  readonly onEvent: (text: string) => void;
}

const READY_MS_MAX = 60_000;
const READY_POLL_MS = 100;
const RESTART_MS = 1_000;
const RESTARTS_MAX = 5;
const STOP_MS_MAX = 15_000;

/** Nodes as processes of their own: starts them, says so when one dies, starts it again, stops them all. */
export class DevCluster {
  readonly #options: DevClusterOptions;
  readonly #processes = new Map<string, NodeProcess>();
  readonly #supervisors: Promise<void>[] = [];
  readonly #stopping = new AbortController();

  constructor(options: DevClusterOptions) {
    this.#options = options;
  }

  /** Resolves when every node serves. Rejects if one ends before, with what it printed last. */
  async start(): Promise<void> {
    const { nodes } = this.#options.layout;
    for (const { port } of nodes) await assertFree(port);
    const failures = nodes.map(({ id }) =>
      this.#launch(id).ended.then((ending) => ({ id, ending })),
    );
    const ready = Promise.all(nodes.map(({ id, url }) => this.#untilReady(id, url))).then(() =>
      this.#untilLed(),
    );
    const first = await Promise.race([ready.then(() => undefined), ...failures]);
    if (first !== undefined && !this.#stopping.signal.aborted)
      throw this.#failed(first.id, first.ending);
    for (const { id, url } of nodes) this.#supervisors.push(this.#supervise(id, url));
  }

  pid(id: string): number | undefined {
    return this.#processes.get(id)?.pid;
  }

  #launch(id: string): NodeProcess {
    const { layout, entry, env } = this.#options;
    const process = new NodeProcess({
      id,
      entry,
      configFile: layout.configFile,
      logFile: join(layout.directory, `${id}.log`),
      env,
    });
    this.#processes.set(id, process);
    return process;
  }

  #failed(id: string, ending: Ending): CliError {
    const tail = this.#processes.get(id)?.logTail() ?? "";
    return new CliError(
      "ERR_DEV_NODE_FAILED",
      `node ${id} did not start (${describeEnding(ending)}):\n${tail}`,
      {
        hint: `all of it is in ${join(this.#options.layout.directory, `${id}.log`)}`,
      },
    );
  }

  async #untilReady(id: string, url: string): Promise<void> {
    const { signal } = this.#stopping;
    const deadline = performance.now() + READY_MS_MAX;
    let reasons: readonly string[] = [];
    while (!signal.aborted) {
      const health = await this.#options.client.health(url).catch(() => undefined);
      if (health?.ready === true) return;
      reasons = health?.reasons ?? reasons;
      if (performance.now() > deadline) {
        throw new CliError(
          "ERR_DEV_NOT_READY",
          `node ${id} is not ready after ${elapsedText(READY_MS_MAX)}: ${reasons.join("; ")}`,
          {
            hint: `its log is ${join(this.#options.layout.directory, `${id}.log`)}`,
          },
        );
      }
      await sleep(READY_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A cluster that was just born makes its first log a moment later. */
  async #untilLed(): Promise<void> {
    const { signal } = this.#stopping;
    const deadline = performance.now() + READY_MS_MAX;
    while (!signal.aborted) {
      const logs = await this.#options.client.logs({ signal });
      if (logs.length > 0 && logs.every(({ leader }) => leader !== undefined)) return;
      if (performance.now() > deadline) {
        throw new CliError(
          "ERR_DEV_NOT_READY",
          `the nodes are ready, but no log has a leader after ${elapsedText(READY_MS_MAX)}`,
        );
      }
      await sleep(READY_POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Starts a node again whenever it dies, a second later and never silently. */
  async #supervise(id: string, url: string): Promise<void> {
    const { onEvent, layout } = this.#options;
    for (let restarts = 0; restarts < RESTARTS_MAX; restarts++) {
      const ending = await this.#processes.get(id)?.ended;
      if (ending === undefined || this.#stopping.signal.aborted) return;
      onEvent(
        `node ${id} died (${describeEnding(ending)}); starting it again in ${elapsedText(RESTART_MS)}`,
      );
      await sleep(RESTART_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      const startedMs = performance.now();
      const process = this.#launch(id);
      const back = await Promise.race([
        this.#untilReady(id, url).then(
          () => "ready" as const,
          () => "late" as const,
        ),
        process.ended.then(() => "dead" as const),
      ]);
      if (back === "ready" && !this.#stopping.signal.aborted) {
        onEvent(
          `node ${id} is back (pid ${process.pid}): ready after ${elapsedText(performance.now() - startedMs)}`,
        );
      } else if (back === "late") {
        onEvent(`node ${id} runs again (pid ${process.pid}) and is not ready yet`);
      }
    }
    onEvent(
      `node ${id} died ${RESTARTS_MAX} times and is left alone; its log is ${join(layout.directory, `${id}.log`)}; ` +
        `start it by hand: annals start -c ${layout.configFile} --node ${id}`,
    );
  }

  /** Asks every node to stop and waits; what does not stop in time is killed. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const processes = [...this.#processes.values()];
    for (const process of processes) process.kill("SIGTERM");
    const giveUp = new AbortController();
    const late = sleep(STOP_MS_MAX, undefined, { signal: giveUp.signal }).then(
      () => this.kill(),
      () => undefined,
    );
    await Promise.all(processes.map(({ ended }) => ended));
    giveUp.abort();
    await late;
    await Promise.all(this.#supervisors);
  }

  /** Ends every node at once. */
  kill(): void {
    this.#stopping.abort();
    for (const process of this.#processes.values()) process.kill("SIGKILL");
  }
}

function assertFree(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => {
      const taken = "code" in error && error.code === "EADDRINUSE";
      const what = taken
        ? `port ${port} is in use`
        : `cannot listen on port ${port}: ${error.message}`;
      reject(
        new CliError("ERR_DEV_PORT", what, {
          hint: "is another cluster running? --port PORT takes other ports",
          cause: error,
        }),
      );
    });
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve()));
  });
}
