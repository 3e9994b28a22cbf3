import { execFile } from "node:child_process";

const TIMEOUT_MS = 30_000;

/** Runs a program of the system; rejects with its own words when it fails. */
export function command(program: string, ...parameters: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, parameters, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(reasonOf(error, stderr), { cause: error }));
    });
  });
}

function reasonOf(error: Error, stderr: string): string {
  if ("code" in error && error.code === "ENOENT")
    return `${error.message}: there is no such program`;
  const [line = ""] = stderr.trim().split("\n");
  return line === "" ? (error.message.split("\n")[0] ?? "") : line;
}
