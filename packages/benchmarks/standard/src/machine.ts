import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, release, totalmem } from "node:os";

const GIBIBYTE = 2 ** 30;

/** What figures must not be read without. */
export interface Provenance {
  readonly date: string;
  /** With `+` behind it when the files were changed since. */
  readonly commit: string;
  readonly machine: {
    readonly cores: number;
    readonly cpu: string;
    readonly memoryGiB: number;
    readonly kernel: string;
    readonly node: string;
  };
}

export function provenance(): Provenance {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    machine: {
      cores: availableParallelism(),
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      memoryGiB: Math.round(totalmem() / GIBIBYTE),
      kernel: release(),
      node: process.version,
    },
  };
}

function commit(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync("git", args, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+";
    return `${git("rev-parse", "--short=12", "HEAD")}${changed}`;
  } catch {
    // A copy without its history.
    return "unknown";
  }
}
