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

const STANDARD = join(import.meta.dirname, "../packages/benchmarks/standard/dist/main.js");
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

interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Printed {
  readonly durability: readonly string[];
  readonly figures: Readonly<Record<string, unknown>> & {
    readonly seconds: number;
    readonly requests: number;
    readonly records: number;
    readonly recordsPerSecond: number;
    readonly bodyBytes: number;
    readonly latency: Latency;
    /** Answers other than an acceptance, by code. */
    readonly others: Readonly<Record<string, number>>;
    readonly processes?: readonly { readonly role: string; readonly flushes?: number }[];
  };
}

/** What `annals bench …` prints as JSON; nothing else is printed when nobody watches. */
async function bench(...args: readonly string[]): Promise<Printed> {
  expect(await exitOf(start([ENTRY, "bench", ...args, "-o", "json"]))).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
  return JSON.parse(output) as Printed;
}

/** What is printed of one run fits together: nothing was refused, and every request that was accepted is in each figure. */
function expectConsistent({ figures }: Printed, recordsPerRequest: number): void {
  const { latency, others, records, recordsPerSecond, requests, seconds } = figures;
  expect(others).toEqual({});
  expect(requests).toBeGreaterThan(0);
  expect(latency.count).toBeGreaterThan(0);
  expect(records).toBe(requests * recordsPerRequest);
  expect(recordsPerSecond).toBe(Math.round(records / seconds));
  expect(latency.p50Ms).toBeGreaterThan(0);
  const percentiles = [latency.p50Ms, latency.p99Ms, latency.maxMs];
  expect(percentiles.toSorted((a, b) => a - b)).toEqual(percentiles);
}

it("append: the SDK, and what every process has used", async () => {
  const printed = await bench("append", "--transport", "sdk", "--in-flight", "2", ...SHORT);
  const { durability, figures } = printed;
  expect(durability.join()).toContain("a quorum has flushed");
  expectConsistent(printed, 1);
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
  const printed = await bench(
    "append",
    "--nodes",
    "1",
    "--records-per-request",
    "10",
    ...http,
    ...SHORT,
  );
  expectConsistent(printed, 10);
});

it("mixed: what is appended in an open loop is delivered", async () => {
  const printed = await bench(
    "mixed",
    "--nodes",
    "1",
    "--rate",
    "200",
    "--consumers",
    "2",
    ...SHORT,
  );
  expectConsistent(printed, 1);
  const { latency, delivered, delivery, deliveryMissed, lag } = printed.figures as unknown as {
    readonly latency: Latency;
    readonly delivered: number;
    readonly delivery: Latency;
    readonly deliveryMissed: number;
    readonly lag: number;
  };
  // Each of the two consumers was given all but what is on its way at the end, those of the warm-up included.
  expect(deliveryMissed).toBe(0);
  expect(delivery.count).toBeGreaterThan(0);
  expect(delivered).toBeGreaterThanOrEqual(2 * (delivery.count - lag));
  expect(delivery.maxMs).toBeGreaterThanOrEqual(latency.p50Ms);
});

it("the standard set: every figure has a value, and a quick run is not in the history", async () => {
  expect(await exitOf(start([STANDARD, "--quick"]))).toBe(0);
  const cells = output
    .split("\n")
    .filter((line) => /^\| (?!workload)/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));
  expect(cells).toHaveLength(22);
  // Memory may have shrunk meanwhile: everything else costs something.
  const meaningless = cells.filter(([, workload = "", figure = ""]) => {
    const value = /^(-?[\d ]+(?:\.\d+)?) \D+$/.exec(figure)?.[1]?.replaceAll(" ", "") ?? "NaN";
    return workload.includes("over idle") ? Number.isNaN(Number(value)) : !(Number(value) > 0);
  });
  expect(meaningless).toEqual([]);
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
