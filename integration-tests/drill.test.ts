/**
 * Goal: a drill that does not hold says what was expected and seen and keeps what it needs to be understood; one that is interrupted leaves
 * nothing. Method: the built command on small scenarios; then a look at the processes and at the directory.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ENTRY, until } from "./support/cluster.ts";
import { exitOf, nodesRunning, startProgram } from "./support/program.ts";

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
  return startProgram([ENTRY, "drill", file], directory, (text) => (output += text));
}

it("says what was expected and what was seen, and keeps the directory, when a drill fails", async () => {
  const child = drill([
    "name: a drill that cannot hold",
    "nodes: 1",
    "steps: [{ append: { batches: 3, records: 2 } }]",
    'expect: [{ converged: true }, { logLine: { matches: "nobody says this" } }]',
  ]);
  expect(await exitOf(child)).toBe(1);
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
  const exited = exitOf(child);
  await until(() => child.exitCode !== null || output.includes("wait: 10m"));
  expect(nodesRunning(directory).length).toBe(2);
  child.kill("SIGINT");
  expect(await exited).toBe(130);
  expect(nodesRunning(directory).length).toBe(0);
  expect(readdirSync(directory)).toEqual(["drill.yaml"]);
});

it("runs commands of annals beside its steps, and holds them to what they print", async () => {
  const child = drill([
    "name: a program",
    "nodes: 1",
    "logs: [audit, other]",
    "steps:",
    "  - program: { name: append, run: [append, --log, other, --actor, ada, --action, hello] }",
    "  - finish: append",
    "  - program: { name: tail, run: [tail, -f, --log, other] }",
    '  - waitFor: { prints: { run: [query, --log, other, -o, ndjson], matches: \'"id":"ada"\' } }',
    "  - killProgram: tail",
    "expect:",
    "  - converged: true",
    '  - prints: { run: [get, "1", --log, other], matches: "hello" }',
    '  - prints: { run: [get, "2", --log, other], matches: "hello" }',
  ]);
  expect(await exitOf(child)).toBe(1);
  expect(output).toContain("1 failed");
  expect(output).toMatch(/✔ converged: true/);
  expect(output).toMatch(/✔ prints: .*get, "1"/);
  expect(output).toMatch(/✘ prints: .*get, "2".*\n +failed: .*ERR_/);
});

it("fails with a program that does", async () => {
  const child = drill([
    "name: a program that fails",
    "nodes: 1",
    "steps: [{ program: { name: wrong, run: [frobnicate] } }, { finish: wrong }]",
    "expect: [{ converged: true }]",
  ]);
  expect(await exitOf(child)).toBe(1);
  expect(output).toContain("program wrong ended with 2");
});
