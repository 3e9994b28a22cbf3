import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { ENTRY } from "./cluster.ts";

/** The command as a process that follows a file, with small requests: so one is on its way at most times. */
export function startFollowing(file: string, url: string): ChildProcess {
  const args = ["append", "--follow", file, "--batch", "20", "--url", url];
  return spawn(process.execPath, [ENTRY, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}
