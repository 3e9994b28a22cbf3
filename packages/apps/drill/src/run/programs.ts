import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { inheritedEnv } from "../cluster/spawnNode.ts";
import { StepFailure } from "./outcome.ts";

export interface ProgramsOptions {
  /** The script of the built command. */
  readonly entry: string;
  /** Where programs run, and what they print is kept. */
  readonly directory: string;
  readonly urls: readonly string[];
  readonly signal: AbortSignal;
}

interface Program {
  readonly child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** An import lasts as long as its history is long. */
const FINISH_WITHIN_MS = 600_000;
const END_WITHIN_MS = 60_000;
const OUTPUT_WITHIN_MS = 60_000;

/** Commands of annals that a drill runs beside its steps. */
export class Programs {
  readonly #options: ProgramsOptions;
  readonly #programs = new Map<string, Program>();
  /** Whether any was begun: then logs may have records that no step appended. */
  areUsed = false;

  constructor(options: ProgramsOptions) {
    this.#options = options;
  }

  begin(name: string, words: readonly string[]): void {
    if (this.#programs.has(name)) throw new StepFailure(`program ${name} runs already`);
    this.areUsed = true;
    const child = this.#spawn(words);
    const log = createWriteStream(join(this.#options.directory, `${name}.program.log`), {
      flags: "a",
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const exited = exitOf(child);
    void exited.then(() => log.end());
    this.#programs.set(name, { child, exited });
  }

  /** Waits until it ends by itself; anything but 0 is a failure. */
  async finish(name: string): Promise<void> {
    expectZero(name, await this.#end(name, this.#program(name), FINISH_WITHIN_MS));
  }

  /** SIGTERM, which must end it with 0. */
  async end(name: string): Promise<void> {
    const program = this.#program(name);
    program.child.kill("SIGTERM");
    expectZero(name, await this.#end(name, program, END_WITHIN_MS));
  }

  async kill(name: string): Promise<void> {
    const program = this.#program(name);
    const { exitCode } = program.child;
    if (exitCode !== null) throw new StepFailure(`program ${name} had ended with ${exitCode}`);
    program.child.kill("SIGKILL");
    await this.#end(name, program, END_WITHIN_MS);
  }

  /** What a command prints to stdout; if it fails, what it complains of, too. */
  async output(words: readonly string[]): Promise<string> {
    const child = this.#spawn(words);
    const late = setTimeout(() => child.kill("SIGKILL"), OUTPUT_WITHIN_MS);
    const [out, complaint] = await Promise.all([
      child.stdout === null ? "" : text(child.stdout),
      child.stderr === null ? "" : text(child.stderr),
      exitOf(child),
    ]);
    clearTimeout(late);
    return child.exitCode === 0 ? out : `${out}${complaint}`;
  }

  /** No program is left afterwards. Idempotent. */
  async close(): Promise<void> {
    const left = [...this.#programs.values()];
    this.#programs.clear();
    for (const { child } of left) child.kill("SIGKILL");
    await Promise.all(left.map(({ exited }) => exited));
  }

  #spawn(words: readonly string[]): ChildProcess {
    const { entry, directory, urls, signal } = this.#options;
    signal.throwIfAborted();
    const args = words.map((word) => word.replaceAll("{here}", process.cwd()));
    return spawn(process.execPath, [entry, ...args], {
      cwd: directory,
      env: { ...inheritedEnv(), ANNALS_URL: urls.join(",") },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  #program(name: string): Program {
    const program = this.#programs.get(name);
    if (program === undefined) throw new StepFailure(`program ${name} does not run`);
    return program;
  }

  /** What does not end in time is left to `close`. */
  async #end(name: string, { exited }: Program, withinMs: number): Promise<number | string> {
    const over = AbortSignal.any([this.#options.signal, AbortSignal.timeout(withinMs)]);
    const how = await Promise.race([exited, aborted(over)]);
    this.#options.signal.throwIfAborted();
    if (how === undefined)
      throw new StepFailure(`program ${name} did not end within ${withinMs / 1000} s`);
    this.#programs.delete(name);
    return how;
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}

function expectZero(name: string, how: number | string): void {
  if (how !== 0) throw new StepFailure(`program ${name} ended with ${how}`);
}
