/**
 * Goal: a node whose clock is wrong stamps no record with it, lets others lead, and says what is wrong until it is right again. Method: a
 * shim, preloaded into the nodes, moves their wall clocks while they run.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";

const YEARS_20_S = 20 * 365 * 86_400;
const BOUND_MS = 5000;
const RECORD = { actor: { type: "user", id: "u" }, action: "test.append" };

const directory = mkdtempSync(join(tmpdir(), "annals-clock-"));
const library = buildShim();
let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));
afterAll(() => rmSync(directory, { recursive: true }));

/** The compiled shim; undefined without a C compiler, said loudly, because what is skipped must be seen. */
function buildShim(): string | undefined {
  const target = join(directory, "clockShim.so");
  const source = join(import.meta.dirname, "support/clockShim.c");
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-o", target, source, "-ldl"]);
    return target;
  } catch {
    console.warn("NO C COMPILER: the tests that move clocks are SKIPPED");
    return undefined;
  }
}

function skewFile(id: string): string {
  return join(directory, `skew-${id}`);
}

/** In one step: a node that reads a file half-written would see a third time. */
function setClock(id: string, seconds: number): void {
  writeFileSync(`${skewFile(id)}.new`, String(seconds));
  renameSync(`${skewFile(id)}.new`, skewFile(id));
}

async function start(nodes: readonly string[]): Promise<string> {
  for (const id of nodes) setClock(id, 0);
  cluster = await TestCluster.start({
    nodes,
    env: (id) => ({ LD_PRELOAD: library ?? "", CLOCK_SHIM_FILE: skewFile(id) }),
  });
  await cluster.untilReady();
  for (const id of nodes) await clockOf(id, nodes.length === 1 ? "alone" : "agreed");
  return cluster.leader();
}

function clockOf(id: string, state: string): Promise<true> {
  return until(async () => (await cluster.status(id))?.clock.state === state);
}

/** Waits until one of the reasons that a node gives for not being well says so; undefined: it gives none. */
function reasonOf(id: string, words: string | undefined): Promise<true> {
  return until(async () => {
    const reasons = (await cluster.status(id))?.reasons;
    if (reasons === undefined) return undefined;
    return words === undefined ? reasons.length === 0 : reasons.some((one) => one.includes(words));
  });
}

/** Waits until the node has written a line with these words. */
function lineOf(id: string, words: string): Promise<true> {
  return until(async () => (await cluster.logText(id)).includes(words));
}

async function append(...ids: readonly string[]): Promise<void> {
  await cluster.client(...ids).append("audit", RECORD);
}

/** Every stamp is at most so far from the time at which its record was appended, which was between these. */
async function expectStamps(id: string, fromMs: number): Promise<void> {
  const stamps = (await cluster.localRecords(id)).map(({ recordedAt }) => Date.parse(recordedAt));
  expect(Math.min(...stamps)).toBeGreaterThan(fromMs - BOUND_MS);
  expect(Math.max(...stamps)).toBeLessThan(Date.now() + BOUND_MS);
  expect(stamps.toSorted((a, b) => a - b)).toEqual(stamps);
}

it.skipIf(library === undefined)("a clock that jumps for a moment stamps nothing", async () => {
  const fromMs = Date.now();
  const leader = await start(["a", "b", "c"]);
  await append(leader);
  setClock(leader, YEARS_20_S);
  await append(leader);
  setClock(leader, 0);
  await append(leader);
  await clockOf(leader, "agreed");
  await cluster.untilConverged();
  await expectStamps(leader, fromMs);
  await reasonOf(leader, undefined);
});

it.skipIf(library === undefined)(
  "a leader whose clock stays wrong hands over, and is told by every node until it is right",
  async () => {
    const fromMs = Date.now();
    const leader = await start(["a", "b", "c"]);
    await append(leader);
    setClock(leader, YEARS_20_S);
    for (const id of cluster.ids) await reasonOf(id, `the clock of node ${leader} is 20.0 years`);
    await until(async () => (await cluster.leader()) !== leader);
    await append();
    await lineOf(leader, "a clock is wrong");
    await lineOf(leader, "handed over: this node's clock is wrong");
    const metrics = await (await fetch(`${cluster.url(leader)}/metrics`)).text();
    expect(metrics).toMatch(/^annals_clock_offset_seconds\{peer="[abc]"\} -6307/m);
    expect(metrics).toMatch(/^annals_clock_stamps_held 1$/m);

    setClock(leader, 0);
    for (const id of cluster.ids) await reasonOf(id, undefined);
    await append();
    await cluster.untilConverged();
    for (const id of cluster.ids) await expectStamps(id, fromMs);
    await lineOf(leader, "the clocks agree again");
  },
);

it.skipIf(library === undefined)(
  "of two clocks that differ neither is believed: the time goes on from where they agreed",
  async () => {
    const fromMs = Date.now();
    const leader = await start(["a", "b"]);
    await append(leader);
    setClock(leader, YEARS_20_S);
    for (const id of cluster.ids) await reasonOf(id, "no majority agrees");
    await append(leader);
    expect(await cluster.leader()).toBe(leader);
    setClock(leader, 0);
    for (const id of cluster.ids) await reasonOf(id, undefined);
    await append(leader);
    await cluster.untilConverged();
    await expectStamps(leader, fromMs);
  },
);

it.skipIf(library === undefined)(
  "a node alone says that it is, and holds the time when its clock jumps",
  async () => {
    const fromMs = Date.now();
    const alone = await start(["a"]);
    await append(alone);
    setClock(alone, YEARS_20_S);
    await append(alone);
    await reasonOf(alone, "the clock of node a has jumped");
    setClock(alone, 0);
    await append(alone);
    await reasonOf(alone, undefined);
    await expectStamps(alone, fromMs);
  },
);

it.skipIf(library === undefined)(
  "a stamp from the future is told with both times, and stamps wait until it has passed",
  async () => {
    const alone = await start(["a"]);
    const env = { LD_PRELOAD: library ?? "", CLOCK_SHIM_FILE: skewFile(alone) };
    const restartAt = async (seconds: number): Promise<void> => {
      await cluster.stop(alone);
      setClock(alone, seconds);
      cluster.spawn(alone, { env });
      await cluster.untilReady();
    };
    await restartAt(3600);
    await append(alone);
    await restartAt(0);
    const [first] = await cluster.localRecords(alone);
    await reasonOf(alone, `its last record is stamped ${first?.recordedAt}, and the time is`);
    await append(alone);
    await restartAt(4000);
    await reasonOf(alone, undefined);
    await append(alone);
    const [, second, third] = await cluster.localRecords(alone);
    expect(second?.recordedAt).toBe(first?.recordedAt);
    expect(Date.parse(third?.recordedAt ?? "")).toBeGreaterThan(
      Date.parse(first?.recordedAt ?? ""),
    );
  },
);
