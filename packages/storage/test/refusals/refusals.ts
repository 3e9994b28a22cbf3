/** Refuses one call to the system after the other, each in a process of its own. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLogStore } from "@annals/storage";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/testkit";
import { BASE_ENTRIES, LOG_ID, pathsOf, SEGMENT_BYTES } from "./points.ts";
import type { Outcome, Walk } from "./points.ts";

/**
 * Faults of lmdb 3.5.6, when its own call is refused: it overruns the buffer of its message about a page that was not written, and uses what
 * it has freed when an environment does not open. Nothing may be lost by them.
 */
const KNOWN_DEATHS: readonly { readonly signal: NodeJS.Signals; readonly at: RegExp }[] = [
  { signal: "SIGABRT", at: /^p?writev? .*data\.mdb$/ },
  { signal: "SIGSEGV", at: /^(open|mmap|p?writev?) .*(data|lock)\.mdb$/ },
];

const DRIVER_TIMEOUT_MS = 300_000;

interface Ended {
  readonly output: string;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Refusals {
  readonly #directory: string;
  readonly #library: string;

  private constructor(directory: string, library: string) {
    this.#directory = directory;
    this.#library = library;
  }

  /** Undefined without a C compiler. */
  static async prepare(): Promise<Refusals | undefined> {
    const directory = mkdtempSync(join(tmpdir(), "annals-refusals-"));
    const library = join(directory, "refusalShim.so");
    const source = join(import.meta.dirname, "refusalShim.c");
    try {
      execFileSync("cc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
    } catch {
      rmSync(directory, { recursive: true });
      return undefined;
    }
    const store = await openLogStore({
      directory: join(directory, "base"),
      logId: LOG_ID,
      segmentBytes: SEGMENT_BYTES,
      minFreeBytes: 0,
      initial: { membership: SAMPLE_MEMBERSHIP },
    });
    const entries = plainEntries(1, BASE_ENTRIES, 3);
    await store.write(cycleOf({ entries, hardState: hardState(3, 2, BASE_ENTRIES) }));
    await store.close();
    return new Refusals(directory, library);
  }

  /** One outcome for each call; the last one is without a hit when there are no more. */
  async walk({ phase, errno, from, to }: Walk): Promise<readonly Outcome[]> {
    const root = mkdtempSync(join(this.#directory, "run-"));
    const { base, data, control, hit } = pathsOf(root);
    cpSync(join(this.#directory, "base"), base, { recursive: true });
    const env = {
      LD_PRELOAD: this.#library,
      ANNALS_REFUSE_BELOW: data,
      ANNALS_REFUSE_CONTROL: control,
    };
    const outcomes: Outcome[] = [];
    for (let next = from; next <= to; ) {
      const ended = await drive([root, phase, errno, String(next), String(to)], env);
      outcomes.push(...outcomesOf(ended.output));
      if (ended.code === 0) break;
      const found = existsSync(hit) ? readFileSync(hit, "utf8") : undefined;
      const problem = await problemOf(ended, found, root);
      const n = (outcomes.at(-1)?.n ?? next - 1) + 1;
      outcomes.push({ n, hit: found, problem });
      next = n + 1;
    }
    rmSync(root, { recursive: true });
    return outcomes;
  }

  close(): void {
    rmSync(this.#directory, { recursive: true });
  }
}

function outcomesOf(output: string): readonly Outcome[] {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line): Outcome => JSON.parse(line));
}

async function problemOf(
  { code, signal, output }: Ended,
  hit: string | undefined,
  root: string,
): Promise<string | undefined> {
  const why = `ended with ${signal ?? code}: ${output}`;
  if (
    signal === null ||
    !KNOWN_DEATHS.some((known) => known.signal === signal && known.at.test(hit ?? ""))
  )
    return why;
  const after = await drive([root, "verify"], {});
  return after.code === 0 ? undefined : `after ${why}: ${after.output}`;
}

function drive(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const driver = join(import.meta.dirname, "driver.ts");
  const child = spawn(process.execPath, ["--conditions=annals-source", driver, ...args], {
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
