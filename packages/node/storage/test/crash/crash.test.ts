// Goal: whatever moment the process dies at, the log on disk is one that was there before or after a write, holds all that was
// acknowledged, and passes fsck.
// Method: a library preloaded into the writer copies the directory at every write, flush and rename; each copy is opened.
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { chainOf, cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { describe, expect, test, vi } from "vitest";
import { fsck } from "../../src/check/fsck.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import type { FsckProblem } from "../../src/check/fsck.ts";
import type { LmdbLogStore } from "../../src/logStore.ts";
import { keptDirectory } from "../support/keptDirectory.ts";
import { DurableImage } from "./powerLoss.ts";
import { buildShim, Writer } from "./shim.ts";

const root = keptDirectory();
const library = buildShim(root.path);

function open(directory: string): Promise<LmdbLogStore> {
  return openLogStore({
    directory,
    logId: 1,
    segmentBytes: 16 * 1024,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
}

const BEFORE = plainEntries(1, 10, 1);
const AFTER_A = [...plainEntries(1, 8, 1), ...plainEntries(9, 12, 2)];
const AFTER_B = [...AFTER_A, ...plainEntries(13, 14, 2)];

/** A log whose next write rolls, and whose sidecar vouches for entries that are not committed. */
async function prepare(directory: string): Promise<void> {
  const store = await open(directory);
  await store.write(cycleOf({ entries: BEFORE, hardState: hardState(1, 1, 6) }));
  await store.close();
}

/** The snapshots of a run, each with what had been acknowledged before it. */
function snapshotsOf(
  writer: Writer,
): { readonly name: string; readonly acked: readonly string[] }[] {
  const acked: string[] = [];
  const snapshots: { name: string; acked: readonly string[] }[] = [];
  for (const line of writer.lines()) {
    if (line.startsWith("acked") || line === "opened") acked.push(line);
    if (line.startsWith("snapshot ")) snapshots.push({ name: line.slice(9), acked: [...acked] });
  }
  return snapshots;
}

/** A lock file holds the locks of a living process; a restart after a kill finds them free. */
function forgetLocks(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith("lock.mdb")) rmSync(join(directory, name));
  }
}

/** What fsck calls damage; a directory without a segment is a log that was not born yet. */
async function damageIn(directory: string): Promise<readonly FsckProblem[]> {
  if (!readdirSync(directory).some((name) => name.startsWith("segment"))) return [];
  const { problems } = await fsck(directory, { isolate: false });
  return problems.filter((problem) => problem.kind === "damage");
}

/** Checks one copy, and what the log in it says after a restart: its chain and its term. */
async function restart(
  directory: string,
): Promise<{ readonly chain: string; readonly term: number }> {
  forgetLocks(directory);
  expect(await damageIn(directory)).toEqual([]);
  const store = await open(directory);
  const { term } = store.initialState().hardState;
  const last = store.lastIndex();
  const entries =
    last === 0 ? [] : store.entries(asIndex(1), asIndex(last + 1), Infinity, Infinity);
  const chain = Buffer.from(store.headHash()).toString("hex");
  expect(chainOf(entries === "compacted" ? [] : entries)).toBe(chain);
  await store.write(
    cycleOf({ hardState: hardState(term + 1, 2, store.initialState().hardState.commitIndex) }),
  );
  await store.close();
  return { chain, term };
}

describe.skipIf(library === undefined)("a process that dies", () => {
  let work = 0;
  const newWork = (): string => join(root.path, `work-${work++}`);

  test("at any point of an append that rolls, truncates and votes", {
    timeout: 30_000,
  }, async () => {
    const directory = join(newWork(), "log");
    await prepare(directory);
    const writer = new Writer(library ?? "", newWork(), "append", directory, { snapshots: true });
    expect(await writer.exited).toBe(0);
    const snapshots = snapshotsOf(writer);
    const seen = new Set<string>();
    for (const { name, acked } of snapshots) {
      const { chain, term } = await restart(join(writer.snapshots, name));
      const states = [BEFORE, AFTER_A, AFTER_B].map(chainOf);
      const state = states.indexOf(chain);
      const least = acked.includes("acked B") ? 2 : acked.includes("acked A") ? 1 : 0;
      expect(state, `snapshot ${name}`).toBeGreaterThanOrEqual(least);
      expect(term, `snapshot ${name}`).toBe(state === 0 ? 1 : 2);
      seen.add(`${state} acked ${least}`);
    }
    // The run went through each state, and through the gap between being on disk and being acknowledged.
    expect([...seen].toSorted()).toEqual([
      "0 acked 0",
      "1 acked 0",
      "1 acked 1",
      "2 acked 1",
      "2 acked 2",
    ]);
    expect(snapshots.length).toBeGreaterThan(20);
  });

  test("at any point of a log's birth", { timeout: 30_000 }, async () => {
    const directory = join(newWork(), "log");
    const writer = new Writer(library ?? "", newWork(), "birth", directory, { snapshots: true });
    expect(await writer.exited).toBe(0);
    const snapshots = snapshotsOf(writer);
    expect(snapshots.length).toBeGreaterThan(8);
    for (const { name } of snapshots)
      expect(await restart(join(writer.snapshots, name))).toEqual({ chain: chainOf([]), term: 0 });
  });

  test("by a power cut at any point of an append that rolls, truncates and votes", {
    timeout: 30_000,
  }, async () => {
    const directory = join(newWork(), "log");
    await prepare(directory);
    const image = new DurableImage(directory);
    const writer = new Writer(library ?? "", newWork(), "append", directory, { snapshots: true });
    expect(await writer.exited).toBe(0);
    expect(await cutAtEach(writer, image)).toEqual([
      "0 acked 0",
      "1 acked 0",
      "1 acked 1",
      "2 acked 1",
      "2 acked 2",
    ]);
  });

  test("by a power cut after a roll whose directory could not be flushed", {
    timeout: 60_000,
  }, async () => {
    const directory = join(newWork(), "log");
    await prepare(directory);
    const image = new DurableImage(directory);
    const options = { snapshots: true };
    const writer = new Writer(library ?? "", newWork(), "rollUnflushed", directory, options);
    expect(await writer.exited).toBe(0);
    const told = writer.lines().filter((line) => /^(write|again|acked) /.test(line));
    expect(told).toEqual([
      "write ERR_STORAGE_FAILED",
      "again ERR_DISK_UNAVAILABLE",
      "acked A",
      "acked B",
    ]);
    const seen = await cutAtEach(writer, image);
    expect(seen).toContain("1 acked 1");
    expect(seen).toContain("2 acked 2");
  });

  /** The states that a restart finds after a power cut at each point: never less than was acknowledged. */
  async function cutAtEach(writer: Writer, image: DurableImage): Promise<readonly string[]> {
    const states = [BEFORE, AFTER_A, AFTER_B].map(chainOf);
    const seen = new Set<string>();
    let least = 0;
    let pending: string[] = [];
    for (const line of writer.lines()) {
      if (line.startsWith("acked")) least += 1;
      if (/^(synced|patched|renamed) /.test(line)) pending.push(line);
      if (!line.startsWith("snapshot ")) continue;
      const name = line.slice(9);
      for (const change of pending) image.apply(change, join(writer.snapshots, name));
      pending = [];
      const found = join(newWork(), "found");
      image.write(found);
      const { chain, term } = await restart(found);
      const state = states.indexOf(chain);
      expect(state, `snapshot ${name}`).toBeGreaterThanOrEqual(least);
      expect(term, `snapshot ${name}`).toBe(state === 0 ? 1 : 2);
      seen.add(`${state} acked ${least}`);
    }
    return [...seen].toSorted();
  }

  test("by SIGKILL in the middle of appending, again and again", { timeout: 30_000 }, async () => {
    const directory = join(newWork(), "log");
    let acked = 0;
    for (let round = 0; round < 2; round++) {
      const writer = new Writer(library ?? "", newWork(), "endless", directory);
      const ackedNow = () => writer.lines().filter((line) => line.startsWith("acked")).length;
      await vi.waitUntil(() => ackedNow() > 30 + 17 * round, { timeout: 20_000, interval: 3 });
      writer.child.kill("SIGKILL");
      expect(await writer.exited).toBe("SIGKILL");
      acked += ackedNow();
      const copy = join(newWork(), "copy");
      cpSync(directory, copy, { recursive: true });
      const report = await fsck(copy, { isolate: false });
      expect(report.problems.filter((problem) => problem.kind === "damage")).toEqual([]);
      expect(report.lastIndex).toBeGreaterThanOrEqual(acked);
      expect(report.headHash).toBe(chainOf(plainEntries(1, report.lastIndex ?? 0, 1)));
      acked = report.lastIndex ?? 0;
    }
  });
});
