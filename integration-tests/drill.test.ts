/**
 * Goal: a drill that does not hold says what was expected and seen and keeps what it needs to be understood; one that is interrupted leaves
 * nothing. Method: the built command on small scenarios; then a look at the processes and at the directory.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ENTRY, until } from "./support/cluster.ts";

let directory = "";
let output = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-drill-test-"));
  output = "";
});

afterEach((context) => {
  if (context.task.result?.state === "fail") console.error(output);
  rmSync(directory, { recursive: true, force: true });
});

function drill(lines: readonly string[]): ChildProcess {
  const file = join(directory, "drill.yaml");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const child = spawn(process.execPath, [ENTRY, "drill", file], {
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

/** Running nodes that have their files in our directory. */
function nodesRunning(): number {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return line.includes(directory) && line.includes("--stop-with-stdin");
      } catch {
        return false;
      }
    }).length;
}

it("says what was expected and what was seen, and keeps the directory, when a drill fails", async () => {
  const child = drill([
    "name: a drill that cannot hold",
    "nodes: 1",
    "steps: [{ append: { batches: 3, records: 2 } }]",
    'expect: [{ converged: true }, { logLine: { matches: "nobody says this" } }]',
  ]);
  expect(await exit(child)).toBe(1);
  expect(output).toContain("✔ converged: true\n      passed: 6 records on each of a");
  expect(output).toContain('✘ logLine: { matches: "nobody says this" }\n      failed: a: 0');
  expect(output).toMatch(/the last lines of node a:\n +\S/);
  expect(output).toContain("0 passed, 1 failed, 0 skipped");
  const kept = /everything is kept in (\S+)/.exec(output)?.[1] ?? "";
  expect(existsSync(join(kept, "a.log"))).toBe(true);
});

it.runIf(existsSync("/proc"))("leaves nothing behind on SIGINT", async () => {
  const child = drill([
    "name: a drill that takes long",
    "nodes: 2",
    "steps: [{ load: { name: all } }, { wait: 10m }]",
    "expect: [{ converged: true }]",
  ]);
  const exited = exit(child);
  await until(() => child.exitCode !== null || output.includes("wait: 10m"));
  expect(nodesRunning()).toBe(2);
  child.kill("SIGINT");
  expect(await exited).toBe(130);
  expect(nodesRunning()).toBe(0);
  expect(readdirSync(directory)).toEqual(["drill.yaml"]);
});
