/** Refuses one call to the system after the other, each to a driver in a process of its own. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusalPaths } from "./walk.ts";
import type { RefusalOutcome, RefusalPlaces, RefusalWalk } from "./walk.ts";

/**
 * What was asked for; and faults of lmdb 3.5.6, when its own call is refused: it overruns the buffer of its message about a page that was
 * not written, and uses what it has freed when an environment does not open. Nothing may be lost by them.
 */
const KNOWN_DEATHS: readonly { readonly signal: NodeJS.Signals; readonly at: RegExp }[] = [
  { signal: "SIGKILL", at: /^killed / },
  { signal: "SIGABRT", at: /^p?writev? .*data\.mdb$/ },
  { signal: "SIGSEGV", at: /^(open|mmap|p?writev?) .*(data|lock)\.mdb$/ },
];

const DRIVER_TIMEOUT_MS = 600_000;

export interface RefusalsOptions extends RefusalPlaces {
  /** The path of a program that calls `driveRefusals`. */
  readonly driver: string;
  /** Whether the driver runs on the sources of the packages, or on what was built of them. */
  readonly runs: "sources" | "built";
  /** Makes the directory that each attempt begins with a copy of. */
  readonly makeBase: (directory: string) => Promise<void>;
}

interface Ended {
  readonly output: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #directory: string;
  readonly #library: string;

  private constructor(options: RefusalsOptions, directory: string, library: string) {
    this.#options = options;
    this.#directory = directory;
    this.#library = library;
  }

  /** Undefined without a C compiler. */
  static async prepare(options: RefusalsOptions): Promise<Refusals | undefined> {
    const directory = mkdtempSync(join(tmpdir(), "annals-refusals-"));
    const library = join(directory, "refusalShim.so");
    const source = join(import.meta.dirname, "refusalShim.c");
    try {
      execFileSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
    } catch {
      rmSync(directory, { recursive: true });
      return undefined;
    }
    await options.makeBase(join(directory, "base"));
    return new Refusals(options, directory, library);
  }

  /** One outcome for each call; the last one is without a hit when there are no more. */
  async walk({ phase, errno, from, to }: RefusalWalk): Promise<readonly RefusalOutcome[]> {
    const root = mkdtempSync(join(this.#directory, "run-"));
    const { base, data, control, hit } = refusalPaths(root);
    cpSync(join(this.#directory, "base"), base, { recursive: true });
    const env = {
      LD_PRELOAD: this.#library,
      ANNALS_REFUSE_BELOW: data,
      ANNALS_REFUSE_CONTROL: control,
    };
    const outcomes: RefusalOutcome[] = [];
    for (let next = from; next <= to; ) {
      const ended = await this.#drive([root, phase, errno, String(next), String(to)], env);
      const told = outcomesOf(ended.output);
      if (ended.code === 0 && told.length === 0)
        outcomes.push({ n: next, hit: undefined, problem: `nothing was told: ${ended.output}` });
      outcomes.push(...told);
      const last = outcomes.at(-1);
      if (ended.code === 0 && last?.hit === undefined) break;
      if (ended.code === 0) {
        next = (last?.n ?? to) + 1;
        continue;
      }
      const found = existsSync(hit) ? readFileSync(hit, "utf8") : undefined;
      const problem = await this.#problemOf(ended, found, [root, phase]);
      const n = (outcomes.at(-1)?.n ?? next - 1) + 1;
      outcomes.push({ n, hit: found, problem });
      if (found === undefined) break;
      next = n + 1;
    }
    rmSync(root, { recursive: true });
    return outcomes;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }

  async #problemOf(
    { code, signal, output }: Ended,
    hit: string | undefined,
    where: readonly string[],
  ): Promise<string | undefined> {
    const why = `ended with ${signal ?? code}: ${output}`;
    if (
      signal === null ||
      !KNOWN_DEATHS.some((known) => known.signal === signal && known.at.test(hit ?? ""))
    )
      return why;
    const after = await this.#drive([...where, "verify"], {});
    return after.code === 0 ? undefined : `after ${why}: ${after.output}`;
  }

  #drive(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
    const { driver, runs } = this.#options;
    const conditions = runs === "sources" ? ["--conditions=annals-source"] : [];
    const child = spawn(process.execPath, [...conditions, driver, ...args], {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      timeout: DRIVER_TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (part: Buffer) => (output += part.toString()));
    child.stderr.on("data", (part: Buffer) => (output += part.toString()));
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ output, code, signal }));
    });
  }
}

function outcomesOf(output: string): readonly RefusalOutcome[] {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line): RefusalOutcome => JSON.parse(line));
}
