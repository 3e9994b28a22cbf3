import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createWriteStream } from "node:fs";
import { extname, join } from "node:path";

export interface SpawnOptions {
  /** The script of the built command. */
  readonly entry: string;
  readonly id: string;
  readonly configFile: string;
  /** Everything that the process prints is added to it. */
  readonly logFile: string;
  /** On top of what this process has inherited, without the keys of a configuration. */
  readonly env: Readonly<Record<string, string>>;
  /** Flags of Node. */
  readonly flags?: readonly string[];
}

export interface SpawnedNode {
  readonly child: ChildProcess;
  /** Its exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
}

/** Beside this file, built or not: Node runs either. */
const PRELOAD = join(import.meta.dirname, `nodePreload${extname(import.meta.filename)}`);

/** Starts a node as a process. It ends when this process does: whoever dies closes its stdin. */
export function spawnNode(options: SpawnOptions): SpawnedNode {
  const { entry, id, configFile, logFile, env, flags = [] } = options;
  const preloaded = Object.keys(env).some((name) => name.startsWith("DRILL_"));
  const args = [...flags, entry, "start", "-c", configFile, "--node", id, "--stop-with-stdin"];
  const child = spawn(process.execPath, preloaded ? ["--import", PRELOAD, ...args] : args, {
    env: { ...inheritedEnv(), ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const log = createWriteStream(logFile, { flags: "a" });
  child.stdin.on("error", () => undefined);
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const exited = new Promise<number | string>((resolve) => {
    child.on("exit", (code, signal) => {
      log.end();
      resolve(code ?? signal ?? "unknown");
    });
  });
  return { child, exited };
}

/** A variable such as ANNALS_DATA would override the configuration of all nodes alike. */
export function inheritedEnv(): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("ANNALS_")),
  );
}
