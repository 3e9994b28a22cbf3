/**
 * Goal: every workload runs, says what it did and leaves nothing, also when it is interrupted. Method: the built programs, as short as can
 * be; what they print is held together, and processes and directories are looked for afterwards. How fast it was is of no interest.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ENTRY, until } from "./support/cluster.ts";
import { exitOf, nodesRunning, startProgram } from "./support/program.ts";

const STANDARD = join(import.meta.dirname, "../packages/bench/dist/standard/main.js");
const SHORT = ["--duration", "2s", "--warm-up", "500ms"];

let directory = "";
let output = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "annals-bench-test-"));
  output = "";
});

afterEach((context) => {
  if (context.task.result?.state === "fail") console.error(output);
  rmSync(directory, { recursive: true, force: true });
});

function start(args: readonly string[]): ChildProcess {
  return startProgram(args, directory, (text) => (output += text));
}

interface Printed {
  readonly durability: readonly string[];
  readonly figures: Readonly<Record<string, unknown>> & {
    readonly records: number;
    readonly processes?: readonly { readonly role: string; readonly flushes?: number }[];
  };
}

/** What `annals bench …` prints as JSON; nothing else is printed when nobody watches. */
async function bench(...args: readonly string[]): Promise<Printed> {
  expect(await exitOf(start([ENTRY, "bench", ...args, "-o", "json"]))).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
  return JSON.parse(output) as Printed;
}

it("append: the SDK, and what every process has used", async () => {
  const { durability, figures } = await bench(
    "append",
    "--transport",
    "sdk",
    "--in-flight",
    "2",
    ...SHORT,
  );
  expect(durability.join()).toContain("a quorum has flushed");
  expect(figures.records).toBeGreaterThan(0);
  expect(figures.processes?.map(({ role }) => role).toSorted()).toEqual([
    "client",
    "follower",
    "follower",
    "leader",
  ]);
  // Nobody has acknowledged without having flushed.
  const nodes = figures.processes?.filter(({ role }) => role !== "client") ?? [];
  expect(nodes.map(({ flushes = 0 }) => flushes > 0)).toEqual([true, true, true]);
});

it("append: compressed bodies over HTTP, into one node", async () => {
  const http = ["--transport", "http", "--compression", "zstd", "--format", "ndjson"];
  const { figures } = await bench(
    "append",
    "--nodes",
    "1",
    "--records-per-request",
    "10",
    ...http,
    ...SHORT,
  );
  expect(figures.records).toBeGreaterThan(0);
  expect(figures.records % 10).toBe(0);
});

it("mixed: what is appended in an open loop is delivered", async () => {
  const { figures } = await bench(
    "mixed",
    "--nodes",
    "1",
    "--rate",
    "200",
    "--consumers",
    "2",
    ...SHORT,
  );
  const { latency, delivery } = figures as unknown as Record<
    "latency" | "delivery",
    { count: number }
  >;
  expect(latency.count).toBeGreaterThan(0);
  expect(delivery.count).toBeGreaterThan(0);
  expect(delivery.count).toBeLessThanOrEqual(latency.count);
});

it("the standard set: every figure has a value, and a quick run is not in the history", async () => {
  expect(await exitOf(start([STANDARD, "--quick"]))).toBe(0);
  const rows = output.split("\n").filter((line) => /^\| (?!workload)/.test(line));
  expect(rows).toHaveLength(22);
  expect(output).not.toMatch(/NaN|undefined|Infinity/);
  expect(readdirSync(directory)).toEqual([]);
});

it("Ctrl-C: 130, no process and no directory is left", async () => {
  const child = start([ENTRY, "bench", "append", "--duration", "10m"]);
  await until(() => nodesRunning(directory).length === 3);
  child.kill("SIGINT");
  expect(await exitOf(child)).toBe(130);
  expect(output).toContain("annals: interrupted");
  await until(() => nodesRunning(directory).length === 0);
  expect(readdirSync(directory)).toEqual([]);
});
