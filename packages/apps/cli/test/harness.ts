import { fileURLToPath } from "node:url";
import type { CliIo } from "../src/program/io.ts";
import type { FsckNode, StartNode } from "../src/program/parts.ts";
import { run } from "../src/program/run.ts";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string;
  /** Somebody sits there and types nothing. */
  readonly stdinNeverEnds?: boolean;
  readonly stdinIsTty?: boolean;
  readonly cwd?: string;
  readonly startNode?: StartNode;
  readonly fsckNode?: FsckNode;
}

/** One run of the command in this process, which can be watched and interrupted while it goes on. */
export class CliRun {
  stdout = "";
  stderr = "";
  readonly killed: number[] = [];
  readonly outcome: Promise<Outcome>;
  readonly #handlers = new Set<() => void>();
  /** Called with each pid instead of killing it. */
  onKill: (pid: number) => void = () => undefined;

  constructor(argv: readonly string[], options: CliOptions = {}) {
    const io: CliIo = {
      stdout: { write: async (text) => void (this.stdout += text), isTty: false, columns: 100 },
      stderr: { write: async (text) => void (this.stderr += text), isTty: false, columns: 100 },
      stdin: options.stdinNeverEnds === true ? this.#silence() : stdinOf(options.stdin ?? ""),
      stdinIsTty: options.stdinIsTty ?? false,
      env: options.env ?? {},
      cwd: options.cwd ?? process.cwd(),
      entry: fileURLToPath(new URL("./node/fakeNode.mjs", import.meta.url)),
      kill: (pid) => {
        this.killed.push(pid);
        this.onKill(pid);
      },
      onInterrupt: (handler) => {
        this.#handlers.add(handler);
        return () => this.#handlers.delete(handler);
      },
    };
    const parts = {
      startNode: options.startNode ?? (() => Promise.reject(new Error("no node here"))),
      fsckNode: options.fsckNode ?? (() => Promise.reject(new Error("no fsck here"))),
    };
    this.outcome = run(argv, io, parts).then((code) => ({
      code,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Whether the command waits for something to come on a silent stdin. */
  asked = false;

  async *#silence(): AsyncGenerator<Uint8Array, void> {
    this.asked = true;
    yield await new Promise<never>(() => undefined);
  }

  /** Ctrl-C. */
  interrupt(): void {
    for (const handler of this.#handlers) handler();
  }
}

async function* stdinOf(text: string): AsyncGenerator<Uint8Array, void> {
  if (text !== "") yield new TextEncoder().encode(text);
}

/** Runs the command to its end. */
export function cli(argv: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  return new CliRun(argv, options).outcome;
}

/** An outside that is only typed at. */
export function ioOf(stdin: string): CliIo {
  const sink = { write: () => Promise.resolve(), isTty: false, columns: 100 };
  return {
    stdout: sink,
    stderr: sink,
    stdin: stdinOf(stdin),
    stdinIsTty: false,
    env: {},
    cwd: process.cwd(),
    entry: "",
    kill: () => undefined,
    onInterrupt: () => () => undefined,
  };
}
