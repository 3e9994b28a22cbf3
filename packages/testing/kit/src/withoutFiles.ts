import { execFile } from "node:child_process";
import { openSync } from "node:fs";
import { promisify } from "node:util";

/** So few that they are taken at once; enough for Node to begin and to load a script. */
const FILES_MAX = 64;

/** Runs a script of the sources in a process that may open few files and takes them with `takeFileDescriptors`; gives what it prints. */
export async function runWithFewFiles(
  script: string,
  args: readonly string[] = [],
): Promise<string> {
  const words = [process.execPath, "--conditions=annals-source", script, ...args];
  const command = words.map((word) => `'${word}'`).join(" ");
  const limited = `ulimit -n ${FILES_MAX}; ${command}`;
  return (await promisify(execFile)("sh", ["-c", limited])).stdout;
}

/** Opens files until the system refuses: this process has no file descriptor left. */
export function takeFileDescriptors(): void {
  // Standard output is opened by the first write.
  process.stdout.write("");
  try {
    for (;;) openSync("/dev/null", "r");
  } catch {
    // None is left.
  }
}
