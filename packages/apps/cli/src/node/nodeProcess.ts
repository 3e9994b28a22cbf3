import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { GATEWAY_HEAP_BYTES } from "@annals/config";

export interface NodeProcessOptions {
  readonly id: string;
  /** The script of the annals command. */
  readonly entry: string;
  readonly configFile: string;
  /** Gets whatever the process prints. */
  readonly logFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
}

const LOG_BYTES_MAX = 16 << 20;
const LOG_TAIL_LINES = 15;

/** One run of `annals start` as a process of its own. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;
  readonly ended: Promise<Ending>;

  constructor({ id, entry, configFile, logFile, env }: NodeProcessOptions) {
    if (existsSync(logFile) && statSync(logFile).size > LOG_BYTES_MAX)
      renameSync(logFile, `${logFile}.old`);
    this.#logFile = logFile;
    const log = openSync(logFile, "a");
    try {
      this.#child = spawn(
        process.execPath,
        [entry, "start", "-c", configFile, "--node", id, "--stop-with-stdin"],
        {
          // The node stops when its stdin ends, so it does not outlive this process, however that ends.
          stdio: ["pipe", log, log],
          env: { ...withoutKeys(env), NODE_OPTIONS: nodeOptions(env) },
        },
      );
    } finally {
      closeSync(log);
    }
    // A node that is gone already closes its stdin first.
    this.#child.stdin?.on("error", () => undefined);
    this.ended = new Promise((resolve) => {
      this.#child.once("error", () => resolve({ code: 1, signal: null }));
      this.#child.once("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The last lines that it printed. */
  logTail(): string {
    if (!existsSync(this.#logFile)) return "";
    return readFileSync(this.#logFile, "utf8")
      .trimEnd()
      .split("\n")
      .slice(-LOG_TAIL_LINES)
      .join("\n");
  }
}

/** A variable such as ANNALS_DATA would override the file for all nodes alike. */
function withoutKeys(env: NodeProcessOptions["env"]): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("ANNALS_")));
}

/** Nodes that share a machine: their main threads have no room beyond what the budget counts. */
function nodeOptions(env: NodeProcessOptions["env"]): string {
  const heap = `--max-old-space-size=${GATEWAY_HEAP_BYTES / 2 ** 20}`;
  return [env["NODE_OPTIONS"] ?? "", heap].join(" ").trim();
}

export function describeEnding({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code}` : `killed by ${signal}`;
}
