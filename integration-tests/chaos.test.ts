/**
 * Goal: `pnpm chaos` works, and leaves nothing behind when it is interrupted or killed. Method: the program itself, for a few seconds, with
 * signals only, which every machine permits; then a look at the processes and at its directory.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "./support/cluster.ts";

const CHAOS = join(import.meta.dirname, "../packages/testkit/dist/chaos/main.js");
const NODES = 3;

let directory = "";
let output = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-chaos-test-"));
});

afterEach((context) => {
  if (context.task.result?.state === "fail") console.error(output);
  rmSync(directory, { recursive: true, force: true });
});

function chaos(...options: readonly string[]): ChildProcess {
  output = "";
  const child = spawn(process.execPath, [CHAOS, "--nodes", String(NODES), ...options], {
    env: { ...process.env, TMPDIR: directory },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString("utf8")));
  return child;
}

function exit(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
}

/** Command lines of running nodes that have their files in our directory, in whatever process namespace. */
function nodesRunning(): readonly string[] {
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

it("kills nodes for a few seconds and finds every promise kept", async () => {
  const child = chaos("--mix", "kills", "--seconds", "4", "--seed", "1");
  expect(await exit(child)).toBe(0);
  expect(output.trimEnd().split("\n").at(-1)).toBe("1 passed, 0 failed, 0 kinds skipped");
  expect(readdirSync(directory)).toEqual([]);
});

it.each(["SIGINT", "SIGKILL"] as const)("leaves no process behind on %s", async (signal) => {
  const child = chaos("--mix", "freezes", "--seconds", "60");
  const exited = exit(child);
  await until(() => child.exitCode !== null || nodesRunning().length >= NODES);
  child.kill(signal);
  expect(await exited).toBe(signal === "SIGINT" ? 130 : "SIGKILL");
  await until(() => nodesRunning().length === 0);
});
