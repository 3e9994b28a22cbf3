// Goal: what is on disk is checked when it is opened and when it is read, and every kind of damage is named.
// Method: write a log, close it, damage one thing, open it again.
import { statfsSync } from "node:fs";
import { cp, readdir, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import {
  batchEntry,
  chainOf,
  cycleOf,
  hardState,
  noopEntry,
  plainEntries,
  SAMPLE_MEMBERSHIP,
} from "@annals/kit";
import { asIndex, asMemberId } from "@annals/raft";
import { asSeq } from "@annals/record";
import { describe, expect, test } from "vitest";
import { DiskFloor } from "../src/disk/diskFloor.ts";
import { openLogStore } from "../src/openLogStore.ts";
import { StorageError } from "../src/storageError.ts";
import type { LmdbLogStore } from "../src/logStore.ts";
import type { LogStoreOptions } from "../src/openLogStore.ts";
import { temporaryDirectory } from "./support/directory.ts";

const initial = { membership: SAMPLE_MEMBERSHIP };

function options(directory: string, more: Partial<LogStoreOptions> = {}): LogStoreOptions {
  return { directory, logId: 7, segmentBytes: 1024 * 1024, initial, scanFirst: false, ...more };
}

/** Code and text of the refusal. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "accepted";
  } catch (error) {
    return error instanceof StorageError ? `${error.code} ${error.message}` : String(error);
  }
}

/** A log of `last` entries, all committed, term 3, in segments of one write each if `segmentBytes` is 1. */
async function writeLog(directory: string, last: number, segmentBytes: number): Promise<void> {
  const store = await openLogStore(options(directory, { segmentBytes }));
  for (let index = 1; index <= last; index++)
    await store.write(
      cycleOf({ entries: plainEntries(index, index, 3), hardState: hardState(3, 2, index) }),
    );
  await store.close();
}

const GROUP = {
  id: asIndex(2),
  name: "sink",
  settings: "s",
  begin: asSeq(0),
  feeds: "files",
  lanes: [{ position: asSeq(1), token: 2, member: "one" }],
};

/** What derived state a store gives, and what it was started with. */
function derivedOf(store: LmdbLogStore): unknown {
  const { membership, hardState: stored } = store.initialState();
  return {
    producers: [...store.producers()],
    groups: [...store.groups()],
    membership,
    hardState: stored,
    appliedIndex: store.appliedIndex(),
  };
}

describe("opening", () => {
  test("an empty directory without membership, and another log's directory", async () => {
    const directory = await temporaryDirectory();
    expect(
      await refusal(openLogStore({ directory, logId: 7, segmentBytes: 1, scanFirst: false })),
    ).toContain("ERR_LOG_EMPTY");
    await writeLog(directory, 1, 1024);
    expect(await refusal(openLogStore(options(directory, { logId: 8 })))).toContain(
      "ERR_LOG_FOREIGN",
    );
  });

  test("the scan in a child process lets a sound log pass", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 5, 16 * 1024);
    const store = await openLogStore(options(directory, { scanFirst: true }));
    expect(store.lastIndex()).toBe(5);
    await store.close();
  });

  test("a file that kills its reader does not kill us, and is named", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 300, 64 * 1024 * 1024);
    await truncate(join(directory, "segment-0000000000000001", "data.mdb"), 8192);
    expect(await refusal(openLogStore(options(directory, { scanFirst: true })))).toMatch(
      /^ERR_LOG_DAMAGED .*segment-0000000000000001.*annals fsck/,
    );
  });

  test("a lost segment, first or last", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 6, 16 * 1024);
    const names = (await readdir(directory))
      .filter((name) => name.startsWith("segment"))
      .toSorted();
    expect(names.length).toBeGreaterThan(3);
    for (const [name, text] of [
      [names[0], /begins at/],
      [names.at(-1), /ends at/],
    ] as const) {
      await rename(join(directory, name ?? ""), join(directory, "away"));
      const found = await refusal(openLogStore(options(directory)));
      expect(found).toContain("ERR_LOG_DAMAGED");
      expect(found).toMatch(text);
      await rename(join(directory, "away"), join(directory, name ?? ""));
    }
    for (const name of names) await rm(join(directory, name), { recursive: true });
    expect(await refusal(openLogStore(options(directory)))).toMatch(
      /^ERR_LOG_DAMAGED .*no segment/,
    );
  });

  test("a lost or an unreadable sidecar", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 2, 1024 * 1024);
    await truncate(join(directory, "sidecar"), 10);
    expect(await refusal(openLogStore(options(directory)))).toMatch(
      /^ERR_LOG_DAMAGED .*sidecar is damaged/,
    );
    await rm(join(directory, "sidecar"));
    expect(await refusal(openLogStore(options(directory)))).toMatch(
      /^ERR_LOG_DAMAGED .*sidecar is absent/,
    );
  });

  test("segments that were rolled back behind the sidecar", async () => {
    const directory = await temporaryDirectory();
    const old = join(await temporaryDirectory(), "old");
    await writeLog(directory, 2, 1024 * 1024);
    await cp(directory, old, { recursive: true });
    const store = await openLogStore(options(directory));
    await store.write(cycleOf({ hardState: hardState(4, 1, 2) }));
    await store.close();
    await cp(join(directory, "sidecar"), join(old, "sidecar"));
    expect(await refusal(openLogStore(options(old)))).toMatch(/^ERR_LOG_DAMAGED .*term and vote/);
  });

  test("a vote reaches the sidecar before the write is reported, entries when the log is closed", async () => {
    const directory = await temporaryDirectory();
    const copy = join(await temporaryDirectory(), "copy");
    await writeLog(directory, 1, 1024 * 1024);
    await cp(directory, copy, { recursive: true });
    const store = await openLogStore(options(directory));
    await store.write(cycleOf({ hardState: hardState(9, 3, 1) }));
    await cp(join(directory, "sidecar"), join(copy, "sidecar"));
    expect(await refusal(openLogStore(options(copy)))).toMatch(
      /^ERR_LOG_DAMAGED .*term and vote are older than those of term 9/,
    );
    await store.write(cycleOf({ entries: plainEntries(2, 3, 9) }));
    await store.close();
    await cp(join(directory, "sidecar"), join(copy, "sidecar"));
    expect(await refusal(openLogStore(options(copy)))).toMatch(
      /^ERR_LOG_DAMAGED .*ends at 1, but 3/,
    );
  });

  test("a vote in a term that is known already reaches the sidecar, too", async () => {
    const directory = await temporaryDirectory();
    const copy = join(await temporaryDirectory(), "copy");
    await writeLog(directory, 1, 1024 * 1024);
    const store = await openLogStore(options(directory));
    await store.write(cycleOf({ hardState: hardState(9, 0, 1) }));
    await cp(directory, copy, { recursive: true });
    await store.write(cycleOf({ hardState: hardState(9, 3, 1) }));
    await cp(join(directory, "sidecar"), join(copy, "sidecar"));
    expect(await refusal(openLogStore(options(copy)))).toMatch(/^ERR_LOG_DAMAGED .*term and vote/);
    await store.close();
  });

  test.each([5, 19, 20, 21])(
    "a truncation from %i, where the sidecar vouches for 20, leaves a log that opens",
    async (from) => {
      const directory = await temporaryDirectory();
      let store = await openLogStore(options(directory));
      // The term is there already: a new one would have the sidecar written anew in any case.
      await store.write(
        cycleOf({ entries: plainEntries(1, 20, 1), hardState: hardState(2, 1, 3) }),
      );
      await store.close();
      store = await openLogStore(options(directory));
      await store.write(cycleOf({ entries: plainEntries(from, from + 1, 2) }));
      const copy = join(await temporaryDirectory(), "copy");
      await cp(directory, copy, { recursive: true });
      await store.close();
      const reopened = await openLogStore(options(copy));
      expect(Buffer.from(reopened.headHash()).toString("hex")).toBe(
        chainOf([...plainEntries(1, from - 1, 1), ...plainEntries(from, from + 1, 2)]),
      );
      await reopened.close();
    },
  );
});

describe("segments", () => {
  test("a log of many segments reads as one, and its old segments are left alone", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 40, 16 * 1024);
    const segments = (await readdir(directory)).filter((name) => name.startsWith("segment"));
    expect(segments.length).toBeGreaterThan(30);
    const store = await openLogStore(options(directory));
    const entries = store.entries(asIndex(1), asIndex(41), Infinity, Infinity);
    expect(entries).not.toBe("compacted");
    expect(chainOf(entries === "compacted" ? [] : entries)).toBe(
      Buffer.from(store.headHash()).toString("hex"),
    );
    expect(store.term(asIndex(0))).toBe(0);
    expect(store.diskBytes()).toBeGreaterThan(40 * 4096);
    await store.close();
  });

  test("a roll takes all derived state along", async () => {
    const directory = await temporaryDirectory();
    const store = await openLogStore(options(directory));
    const recent = [
      { sequence: 7, fingerprint: 9, firstSeq: asSeq(1), lastSeq: asSeq(1), count: 1 },
    ];
    const producers = new Map([["p", { epoch: 3, recent, lastIndex: asIndex(1) }]]);
    const groups = new Map([[GROUP.id, GROUP]]);
    const membership = { ...SAMPLE_MEMBERSHIP, learners: [asMemberId(77)] };
    const appliedIndex = asIndex(1);
    await store.write(cycleOf({ entries: plainEntries(1, 2, 3), hardState: hardState(3, 2, 2) }));
    await store.write(cycleOf({ applied: { appliedIndex, membership, producers, groups } }));
    await store.close();
    const rolled = await openLogStore(options(directory, { segmentBytes: 1 }));
    await rolled.write(cycleOf({ entries: plainEntries(3, 3, 3) }));
    expect((await readdir(directory)).filter((name) => name.startsWith("segment"))).toHaveLength(2);
    const before = derivedOf(rolled);
    await rolled.close();
    const again = await openLogStore(options(directory));
    expect([before, derivedOf(again)]).toEqual(
      Array.from({ length: 2 }, () => ({
        producers: [...producers],
        groups: [...groups],
        membership,
        hardState: hardState(3, 2, 2),
        appliedIndex,
      })),
    );
    await again.close();
  });

  test("a roll waits while the uncommitted tail is too long to be carried over", async () => {
    const directory = await temporaryDirectory();
    const segmentBytes = 256 * 1024;
    const store = await openLogStore(options(directory, { segmentBytes }));
    await store.write(cycleOf({ entries: plainEntries(1, 1, 1), hardState: hardState(1, 1, 1) }));
    await store.write(cycleOf({ entries: plainEntries(2, 4000, 1) }));
    await store.write(cycleOf({ entries: plainEntries(4001, 4001, 1) }));
    const count = async () =>
      (await readdir(directory)).filter((name) => name.startsWith("segment")).length;
    expect(await count()).toBe(1);
    await store.write(cycleOf({ hardState: hardState(1, 1, 4000) }));
    await store.write(cycleOf({ entries: plainEntries(4002, 4002, 1) }));
    expect(await count()).toBe(2);
    expect(store.lastIndex()).toBe(4002);
    await store.close();
  });
});

describe("two owners", () => {
  test("the one that comes second to write is told, and writes nothing", async () => {
    const directory = await temporaryDirectory();
    await writeLog(directory, 2, 1024 * 1024);
    const one = await openLogStore(options(directory));
    const other = await openLogStore(options(directory));
    await one.write(cycleOf({ entries: plainEntries(3, 3, 3) }));
    const late = other.write(cycleOf({ entries: plainEntries(3, 4, 4) }));
    await expect(late).rejects.toMatchObject({
      code: "ERR_STORAGE_FAILED",
      cause: { message: expect.stringMatching(/a second node/) },
    });
    await other.close();
    await one.write(cycleOf({ entries: plainEntries(4, 4, 3) }));
    await one.close();
    const store = await openLogStore(options(directory));
    expect(Buffer.from(store.headHash()).toString("hex")).toBe(chainOf(plainEntries(1, 4, 3)));
    await store.close();
  });
});

describe("disk full", () => {
  test("near the floor the disk is asked each time: what was taken and not written is free again", async () => {
    const directory = await temporaryDirectory();
    const { bavail, bsize } = statfsSync(directory);
    const most = Math.floor(0.6 * bavail * bsize);
    const floor = new DiskFloor(directory, 0, () => 0);
    floor.take(most);
    floor.take(most);
    expect(() => floor.take(2 * most)).toThrow(expect.objectContaining({ code: "ERR_DISK_FULL" }));
  });
  test("an announcement is judged by a fresh look, however much room there was a moment ago", async () => {
    const directory = await temporaryDirectory();
    const floor = new DiskFloor(directory, 0, () => 0);
    floor.take(1);
    // From now on a look at the disk fails, which shows whether there is one.
    await rm(directory, { recursive: true });
    floor.take(1);
    expect(() => floor.announce(1)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  test("a truncation that is refused has truncated nothing: the tail is there, and the same write comes again", async () => {
    const directory = await temporaryDirectory();
    let full = false;
    const store = await openLogStore(
      options(directory, {
        segmentBytes: 64 * 1024,
        onSegmentStep: async () => {
          if (full) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
        },
      }),
    );
    const big = new Uint8Array(20_000).fill(7);
    const entries = [1, 2, 3, 4].map((index) => batchEntry(index, 3, index, [big]));
    entries.push(...plainEntries(5, 6, 3));
    await store.write(cycleOf({ entries, hardState: hardState(3, 1, 5) }));
    // The segment has its size, so the next write begins another one, which finds no room.
    full = true;
    const again = cycleOf({ entries: [noopEntry(6, 4)], hardState: hardState(4, 2, 5) });
    expect(await refusal(store.write(again))).toContain("ERR_DISK_FULL");
    expect(store.lastIndex()).toBe(6);
    expect(store.term(asIndex(6))).toBe(3);
    expect(store.entries(asIndex(5), asIndex(7), Infinity, Infinity)).toHaveLength(2);
    full = false;
    const tried = (): Promise<string> => refusal(store.write(again));
    await expect.poll(tried, { timeout: 20_000 }).toBe("accepted");
    expect(store.term(asIndex(6))).toBe(4);
    await store.close();
  });

  test("appends are refused before anything is written, votes and commits are not, and the store lives on", async () => {
    const directory = await temporaryDirectory();
    const store = await openLogStore(options(directory, { minFreeBytes: 2 ** 60 }));
    expect(await refusal(store.write(cycleOf({ entries: plainEntries(1, 1, 1) })))).toMatch(
      /^ERR_DISK_FULL .*stay free/,
    );
    expect(store.lastIndex()).toBe(0);
    await store.write(cycleOf({ hardState: hardState(2, 1, 0) }));
    expect(store.initialState().hardState.term).toBe(2);
    await store.close();
  });
});
