import type { ChildProcess } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawnNode } from "./spawnNode.ts";

const RESPAWN_MS = 300;
const STOP_WITHIN_MS = 15_000;

/** The node ends with this when its storage has failed. */
export const EXIT_STORAGE_FAILED = 74;
export const EXIT_COULD_NOT_START = 1;
/**
 * How a node may end, too, when a write fails: lmdb 3.5.6 formats its message about it into a hundred bytes, which are too few
 * (`mdb_page_flush` in mdb.c), and the C library ends the process when it sees the damaged heap. It has acknowledged nothing by then.
 */
export const SIGNAL_WRITE_FAILED = "SIGABRT";

export interface NodeOptions {
  readonly id: string;
  readonly address: string;
  /** The script of the built command. */
  readonly entry: string;
  /** The cluster's directory. */
  readonly directory: string;
  readonly data: string;
  /** YAML of the whole file. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** A process that ended by itself, or not as it was asked to. */
  readonly onBadExit: (text: string) => void;
}

/**
 * One node as a process under a supervisor: it runs unless something holds it down, and is started again when it ends by itself, which only
 * a failing disk excuses. Faults overlap, so holding down and freezing are counted.
 */
export class ProcessNode {
  readonly id: string;
  readonly address: string;
  readonly data: string;
  readonly #options: NodeOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #holds = 0;
  #freezes = 0;
  #closed = false;
  #respawn: NodeJS.Timeout | undefined;
  /** Exit codes and signals that faults have excused. */
  readonly #excused = new Set<number | string>();
  #struckDead = false;
  /** It has said that it listens; before, it may not know yet what SIGTERM asks for. */
  #listens = false;

  constructor(options: NodeOptions) {
    this.id = options.id;
    this.address = options.address;
    this.data = options.data;
    this.#options = options;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  get frozen(): boolean {
    return this.#freezes > 0;
  }

  get logFile(): string {
    return join(this.#options.directory, `${this.id}.log`);
  }

  async prepare(): Promise<void> {
    await writeFile(this.#configFile, this.#options.config);
  }

  get #configFile(): string {
    return join(this.#options.directory, `${this.id}.yaml`);
  }

  start(): void {
    if (this.#closed || this.#holds > 0 || this.#child !== undefined) return;
    clearTimeout(this.#respawn);
    const { entry, env } = this.#options;
    const { id, logFile } = this;
    const node = spawnNode({ entry, id, configFile: this.#configFile, logFile, env });
    this.#child = node.child;
    this.#listens = false;
    node.child.stdout?.once("data", () => {
      this.#listens = true;
    });
    this.#struckDead = false;
    this.#exited = node.exited.then((how) => {
      this.#child = undefined;
      this.#ended(how);
    });
  }

  #ended(how: number | string): void {
    if (this.#struckDead || this.#closed) return;
    if (!this.#excused.has(how))
      this.#options.onBadExit(`node ${this.id} ended by itself with ${how}`);
    this.#respawn = setTimeout(() => this.start(), RESPAWN_MS);
  }

  /** From now on it may end by itself in these ways: its disk is, or was, sick. */
  excuse(...ways: readonly (number | string)[]): void {
    for (const how of ways) this.#excused.add(how);
  }

  /** `kill -9`; it stays down until as many `release` as `kill` and `stop`. */
  async kill(): Promise<void> {
    this.#holds++;
    await this.#killNow();
  }

  async #killNow(): Promise<void> {
    clearTimeout(this.#respawn);
    this.#struckDead = true;
    this.#child?.kill("SIGKILL");
    await this.#exited;
  }

  release(): void {
    this.#holds--;
    this.start();
  }

  /** SIGTERM: must end with 0 by itself in good time, unless another fault is faster or keeps it from hearing. */
  async stop(): Promise<void> {
    this.#holds++;
    await this.#stopNow();
  }

  async #stopNow(): Promise<void> {
    clearTimeout(this.#respawn);
    const child = this.#child;
    if (child === undefined || this.#struckDead) return this.#exited;
    const undisturbed = (): boolean => this.#freezes === 0 && this.#excused.size === 0;
    let disturbed = !undisturbed() || !this.#listens;
    this.#struckDead = true;
    child.kill("SIGTERM");
    const timeout = setTimeout(() => {
      disturbed ||= !undisturbed();
      if (!disturbed)
        this.#options.onBadExit(`node ${this.id} did not stop within ${STOP_WITHIN_MS} ms`);
      child.kill("SIGKILL");
    }, STOP_WITHIN_MS);
    await this.#exited;
    clearTimeout(timeout);
    const { exitCode, signalCode } = child;
    if (exitCode !== 0 && signalCode !== "SIGKILL" && !disturbed)
      this.#options.onBadExit(`node ${this.id} stopped on SIGTERM with ${exitCode ?? signalCode}`);
  }

  freeze(): void {
    this.#freezes++;
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    if (--this.#freezes === 0) this.#child?.kill("SIGCONT");
  }

  /** Stops for good, in peace. */
  async end(): Promise<void> {
    await this.#stopNow();
    this.#closed = true;
  }

  /** Gone for good, at once. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#killNow();
  }

  async logTail(lines: number): Promise<string> {
    const text = await readFile(this.logFile, "utf8").catch(() => "");
    return text.trimEnd().split("\n").slice(-lines).join("\n");
  }
}
