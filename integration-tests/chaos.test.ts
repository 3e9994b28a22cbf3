/**
 * Goal: `pnpm chaos` works, and leaves nothing behind when it is interrupted or killed. Method: the program itself, for a few seconds, with
 * signals only, which every machine permits; then a look at the processes and at its directory.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { until } from "./support/cluster.ts";
import { exitOf, nodesRunning, startProgram } from "./support/program.ts";

const CHAOS = join(import.meta.dirname, "../packages/testing/chaos/dist/main.js");
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
  const args = [CHAOS, "--nodes", String(NODES), ...options];
  return startProgram(args, directory, (text) => (output += text));
}

it("kills nodes for a few seconds and finds every promise kept", async () => {
  const child = chaos("--mix", "kills", "--seconds", "4", "--seed", "1");
  expect(await exitOf(child)).toBe(0);
  expect(output.trimEnd().split("\n").at(-1)).toBe("1 passed, 0 failed, 0 kinds skipped");
  expect(readdirSync(directory)).toEqual([]);
});

it.each(["SIGINT", "SIGKILL"] as const)("leaves no process behind on %s", async (signal) => {
  const child = chaos("--mix", "freezes", "--seconds", "60");
  const exited = exitOf(child);
  await until(() => child.exitCode !== null || nodesRunning(directory).length >= NODES);
  child.kill(signal);
  expect(await exited).toBe(signal === "SIGINT" ? 130 : "SIGKILL");
  await until(() => nodesRunning(directory).length === 0);
});
