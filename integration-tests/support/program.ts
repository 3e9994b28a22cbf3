/** Programs of ours as processes, and the nodes that they start. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** Starts a script whose temporary files are to be in `directory`; what it prints goes to `onOutput`. */
export function startProgram(
  args: readonly string[],
  directory: string,
  onOutput: (text: string) => void,
): ChildProcess {
  const child = spawn(process.execPath, args, {
    env: { ...process.env, TMPDIR: directory },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes: Buffer) => onOutput(bytes.toString("utf8")));
  return child;
}

/** Its exit code, or the signal that ended it. */
export function exitOf(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
}

/** Command lines of running nodes that have their files in the directory, in whatever process namespace. */
export function nodesRunning(directory: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(directory) && line.includes("start"));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
