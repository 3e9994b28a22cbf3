import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The compiled shim, or undefined on a machine without a C compiler; then says so, because what is skipped must be seen. */
export function buildShim(directory: string): string | undefined {
  const library = join(directory, "shim.so");
  try {
    execFileSync("cc", [
      "-shared",
      "-fPIC",
      "-o",
      library,
      join(import.meta.dirname, "shim.c"),
      "-ldl",
    ]);
    return library;
  } catch {
    console.warn(
      "NO C COMPILER (or not Linux): the tests that stand between LMDB and the disk are SKIPPED",
    );
    return undefined;
  }
}

/** A writer process under the shim, with the files by which it is steered and observed. */
export class Writer {
  readonly child: ChildProcess;
  readonly exited: Promise<number | string>;
  readonly snapshots: string;
  readonly #log: string;
  readonly #control: string;

  constructor(
    library: string,
    work: string,
    scenario: string,
    log: string,
    options: {
      readonly control?: string;
      readonly snapshots?: boolean;
      readonly segmentBytes?: number;
    } = {},
  ) {
    mkdirSync(work, { recursive: true });
    this.#log = join(work, "log.txt");
    this.#control = join(work, "control.txt");
    this.snapshots = join(work, "snapshots");
    mkdirSync(this.snapshots, { recursive: true });
    writeFileSync(this.#log, "");
    this.control(options.control ?? "");
    const script = join(import.meta.dirname, "writer.ts");
    const segmentBytes = String(options.segmentBytes ?? 16 * 1024);
    const args = ["--conditions=annals-source", script, scenario, log, segmentBytes];
    this.child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "ignore"],
      env: {
        ...process.env,
        LD_PRELOAD: library,
        SHIM_ROOT: log,
        SHIM_LOG: this.#log,
        SHIM_CONTROL: this.#control,
        ...(options.snapshots === true ? { SHIM_SNAPSHOTS: this.snapshots } : {}),
      },
    });
    this.exited = new Promise((resolve) => {
      this.child.on("close", (code, signal) => resolve(signal ?? code ?? -1));
    });
  }

  control(line: string): void {
    writeFileSync(this.#control, line);
  }

  lines(): readonly string[] {
    return existsSync(this.#log)
      ? readFileSync(this.#log, "utf8")
          .split("\n")
          .filter((line) => line !== "")
      : [];
  }
}
