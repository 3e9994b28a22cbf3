import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { ENTRY } from "../support/cluster.ts";
import { exitOf } from "../support/program.ts";
import { ProcessMemory } from "./memory.ts";
import type { Sample } from "./memory.ts";

/** What `annals sink show` prints, as far as it is needed here. */
export interface Status {
  readonly state: string;
  readonly lag: { readonly records: number };
  readonly applied: number;
  readonly deadLetters: number;
  readonly residual: number;
  readonly retries: number;
  readonly chunks: { readonly itemsMax: number; readonly bytesMax: number };
}

export interface SinkProcessOptions {
  readonly file: string;
  /** `host:port` of its status. */
  readonly listen: string;
  /** Whether it can be asked what lives in its heap; a process that is asked collects when another one would not. */
  readonly tellsLiveHeap?: boolean;
}

const LIVE_HEAP = ["--expose-gc", "--import", join(import.meta.dirname, "liveHeap.ts")];

/** `annals sink run` on a file of one sink, a process of its own. */
export class SinkProcess {
  readonly memory: ProcessMemory;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #listen: string;

  constructor({ file, listen, tellsLiveHeap = false }: SinkProcessOptions) {
    const flags = tellsLiveHeap ? LIVE_HEAP : [];
    this.#child = spawn(
      process.execPath,
      [...flags, ENTRY, "sink", "run", file, "--listen", listen],
      {
        stdio: ["ignore", "ignore", "inherit", ...(tellsLiveHeap ? (["ipc"] as const) : [])],
        env: { ...process.env, HOOK_SECRET: "s" },
      },
    );
    this.#ended = exitOf(this.#child);
    this.#listen = listen;
    this.memory = new ProcessMemory(this.#child.pid ?? 0);
  }

  /** Undefined while it does not answer. */
  async status(): Promise<Status | undefined> {
    const signal = AbortSignal.timeout(STATUS_MS);
    const url = `http://${this.#listen}/sinks`;
    const answer = await fetch(url, { signal })
      .then((response) => response.json())
      .catch(() => undefined);
    return (answer as { readonly items?: readonly Status[] } | undefined)?.items?.[0];
  }

  /** MiB that live after a collection, now. */
  async liveHeap(): Promise<Sample> {
    this.#child.send("live");
    const [mebibytes] = (await once(this.#child, "message")) as [number];
    return { seconds: performance.now() / 1000, mebibytes };
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it is gone, however it was stopped. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.memory.look();
    this.memory.close();
    this.signal(signal);
    await this.#ended;
  }
}

/** One that is frozen does not answer. */
const STATUS_MS = 2_000;
