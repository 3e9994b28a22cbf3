// Goal: a disk that refuses writes is never called damage, and nothing of a log is put aside for it.
// Method: a small file system, filled to its last byte, over which a log is opened, scanned and diagnosed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cycleOf, hardState, noopEntry, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import type { LogStore, WriteCycle } from "@annals/replica";
import { afterEach, describe, expect, test, vi } from "vitest";
import { BlobStore } from "../../src/blobs/blobStore.ts";
import { diagnoseLog } from "../../src/repair/diagnosis.ts";
import { DiskFloor } from "../../src/disk/diskFloor.ts";
import { diskRefusal, probeDisk } from "../../src/disk/diskRefusal.ts";
import { fsck } from "../../src/check/fsck.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { temporaryDirectory } from "../support/directory.ts";

const SEGMENT = "segment-0000000000000001";
const SEGMENT_BYTES = 256 * 1024;
const FULL = { code: "ERR_DISK_FULL", retryable: true, details: { errno: "ENOSPC" } };
const OPTIONS = { logId: 7, segmentBytes: SEGMENT_BYTES, minFreeBytes: 0 } as const;
const SLOW = { timeout: 30_000 };

let mounted: string | undefined;

/** A file system of a few MiB. */
function mountSmall(): string {
  const directory = mkdtempSync(join(tmpdir(), "annals-refusal-"));
  const options = ["-t", "tmpfs", "-o", "size=4m", "annals-test", directory];
  try {
    execFileSync("mount", options, { stdio: "ignore" });
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
  mounted = directory;
  return directory;
}

function unmount(): void {
  if (mounted === undefined) return;
  // Lazily, since LMDB keeps files that were opened on a read-only disk.
  execFileSync("umount", ["--lazy", mounted]);
  rmSync(mounted, { recursive: true });
  mounted = undefined;
}

/** False where this user may not mount; that is told, because what is skipped must be seen. */
function mayMount(): boolean {
  try {
    mountSmall();
    return true;
  } catch {
    console.warn("MOUNT NOT PERMITTED: the tests of a full disk are SKIPPED");
    return false;
  } finally {
    unmount();
  }
}

const permitted = mayMount();

const stores: LogStore[] = [];

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  unmount();
});

function fill(directory: string): string {
  const filler = join(directory, "filler");
  const file = openSync(filler, "w");
  const writeToTheEnd = (): void => {
    for (;;) writeSync(file, new Uint8Array(64 * 1024));
  };
  expect(writeToTheEnd).toThrow("ENOSPC");
  closeSync(file);
  return filler;
}

async function writtenLog(directory: string): Promise<string> {
  const log = join(directory, "log");
  const store = await openLogStore({
    directory: log,
    logId: 7,
    segmentBytes: 256 * 1024,
    minFreeBytes: 0,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
  const entries = plainEntries(1, 20, 3);
  await store.write(cycleOf({ entries, hardState: hardState(3, 2, 20) }));
  await store.close();
  return log;
}

describe.skipIf(!permitted)("on a full disk", SLOW, () => {
  test("a reader that ends by a signal says that the disk is full, and damage only with room", async () => {
    const disk = mountSmall();
    const log = await writtenLog(disk);
    const filler = fill(disk);
    // Behind the end of a file LMDB reads what is not there: SIGBUS.
    const data = join(log, SEGMENT, "data.mdb");
    truncateSync(data, statSync(data).size / 2);
    await expect(diagnoseLog(log)).rejects.toMatchObject(FULL);
    await expect(fsck(log)).rejects.toMatchObject(FULL);
    await rm(filler);
    expect((await diagnoseLog(log)).kind).not.toBe("sound");
  });

  test("lock files that are missing are no damage: the log opens when there is room", async () => {
    const disk = mountSmall();
    const log = await writtenLog(disk);
    await rm(join(log, SEGMENT, "lock.mdb"));
    const filler = fill(disk);
    const open = () => openLogStore({ directory: log, logId: 7, segmentBytes: 256 * 1024 });
    await expect(open()).rejects.toMatchObject(FULL);
    await expect(diagnoseLog(log)).rejects.toMatchObject(FULL);
    expect((await readdir(log)).filter((name) => name.endsWith(".damaged"))).toEqual([]);
    await rm(filler);
    expect(await diagnoseLog(log)).toEqual({ kind: "sound" });
    await (await open()).close();
  });

  test("a probe names the errno and leaves nothing behind", async () => {
    const disk = mountSmall();
    expect(await probeDisk(disk)).toBeUndefined();
    const filler = fill(disk);
    expect(await probeDisk(disk)).toMatchObject({ ...FULL, details: { errno: "ENOSPC" } });
    await rm(filler);
    expect(await readdir(disk)).toEqual([]);
  });
});

test.skipIf(!permitted)(
  "on a read-only disk a log is scanned, and the probe says so",
  SLOW,
  async () => {
    const disk = mountSmall();
    const log = await writtenLog(disk);
    execFileSync("mount", ["-o", "remount,ro", disk]);
    expect(await diagnoseLog(log)).toEqual({ kind: "sound" });
    expect(await probeDisk(log)).toMatchObject({
      code: "ERR_DISK_UNAVAILABLE",
      details: { errno: "EROFS" },
    });
  },
);

test("a lock file is allocated, and LMDB maps no more of it", async () => {
  const log = await writtenLog(await temporaryDirectory());
  const { size, blocks } = statSync(join(log, SEGMENT, "lock.mdb"));
  expect(size).toBe(8272);
  expect(blocks * 512).toBeGreaterThanOrEqual(size);
});

/** The records' bytes, as a reader sees them. */
function storedAt(store: LogStore, index: number): Uint8Array | undefined {
  const data = store.storedEntry(asIndex(index))?.entry.data;
  return data === undefined ? undefined : Uint8Array.from(data);
}

async function opened(options: Parameters<typeof openLogStore>[0]): Promise<LogStore> {
  const store = await openLogStore(options);
  stores.push(store);
  return store;
}

/** Repeats a write that the disk refuses until it is taken. */
async function written(store: LogStore, cycle: WriteCycle): Promise<void> {
  await vi.waitFor(() => store.write(cycle), { timeout: 20_000, interval: 20 });
}

describe.skipIf(!permitted)(
  "a log is opened for reading, and written when the disk is well",
  SLOW,
  () => {
    const more = cycleOf({ entries: plainEntries(21, 22, 3), hardState: hardState(3, 2, 22) });

    test("on a read-only disk", async () => {
      const disk = mountSmall();
      const log = await writtenLog(disk);
      execFileSync("mount", ["-o", "remount,ro", disk]);
      const store = await opened({
        directory: log,
        logId: 7,
        segmentBytes: SEGMENT_BYTES,
        minFreeBytes: 0,
      });
      const last = storedAt(store, 20);
      expect(last).toEqual(plainEntries(20, 20, 3)[0]?.data);
      expect(store.refusal).toMatchObject({ details: { errno: "EROFS" } });
      await expect(store.write(more)).rejects.toMatchObject({
        code: "ERR_DISK_UNAVAILABLE",
        retryable: true,
        details: { errno: "EROFS" },
      });
      execFileSync("mount", ["-o", "remount,rw", disk]);
      await written(store, more);
      expect(store.refusal).toBeUndefined();
      expect(storedAt(store, 20)).toEqual(last);
      await store.close();
      expect(await endOf(log)).toBe(22);
    });

    test("on a full disk", async () => {
      const disk = mountSmall();
      const log = await writtenLog(disk);
      const filler = fill(disk);
      const store = await opened({
        directory: log,
        logId: 7,
        segmentBytes: SEGMENT_BYTES,
        minFreeBytes: 0,
      });
      expect(storedAt(store, 20)).toEqual(plainEntries(20, 20, 3)[0]?.data);
      await expect(store.write(more)).rejects.toMatchObject(FULL);
      await rm(filler);
      await written(store, more);
      await store.close();
      expect(await endOf(log)).toBe(22);
    });

    test("when the disk is filled under an open log: a vote is refused before a page is written", async () => {
      const disk = mountSmall();
      const log = await writtenLog(disk);
      const store = await opened({ ...OPTIONS, directory: log });
      const filler = fill(disk);
      const vote = cycleOf({ hardState: hardState(4, 1, 20) });
      await expect(store.write(vote)).rejects.toMatchObject({ code: "ERR_DISK_FULL" });
      await rm(filler);
      await written(store, vote);
      expect(store.initialState().hardState.term).toBe(4);
    });

    test("when the disk is full at the time a segment is begun: what was stored stays, the same write comes again", async () => {
      const disk = mountSmall();
      const log = await writtenLog(disk);
      const store = await opened({
        directory: log,
        logId: 7,
        segmentBytes: 1,
        minFreeBytes: 0,
      });
      const noops = [noopEntry(21, 3), noopEntry(22, 3)];
      const next = cycleOf({ entries: noops, hardState: hardState(3, 2, 22) });
      const filler = fill(disk);
      await expect(store.write(next)).rejects.toMatchObject({
        code: "ERR_DISK_FULL",
        retryable: true,
      });
      expect(storedAt(store, 20)).toEqual(plainEntries(20, 20, 3)[0]?.data);
      await rm(filler);
      await written(store, next);
      expect(store.firstIndex()).toBe(1);
      await store.close();
      expect((await readdir(log)).toSorted()).toEqual([
        SEGMENT,
        "segment-0000000000000021",
        "sidecar",
      ]);
      expect(await endOf(log)).toBe(22);
    });
  },
);

/** Where a log ends after a clean start. */
async function endOf(log: string): Promise<number> {
  const store = await openLogStore({ directory: log, logId: 7, segmentBytes: SEGMENT_BYTES });
  const last = store.lastIndex();
  await store.close();
  return last;
}

test("an errno of which Node has only the number is a refusal like any other", () => {
  const text = "Unknown system error -122";
  const thrown = Object.assign(new Error(text), { code: text, errno: -122, path: "/data/file" });
  expect(diskRefusal(thrown, "/data")).toMatchObject({
    code: "ERR_DISK_FULL",
    details: { errno: "EDQUOT", path: "/data/file" },
  });
});

describe.skipIf(!permitted)("blobs that fit one by one and not together", () => {
  const MIB = 1024 * 1024;
  const digestOf = (digit: string): string => digit.repeat(64);

  test("are refused until one of them is given up or on disk", SLOW, async () => {
    const directory = mountSmall();
    const floor = new DiskFloor(directory, MIB);
    const blobs = new BlobStore({ directory, floor, chunkBytes: 64 * 1024 });
    const first = blobs.begin(digestOf("a"), 2 * MIB);
    expect(() => blobs.begin(digestOf("b"), 2 * MIB)).toThrow(
      expect.objectContaining({
        code: "ERR_DISK_FULL",
        message: expect.stringContaining("promised to blobs"),
      }),
    );
    await first.abort();

    const bytes = new Uint8Array(2 * MIB);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const second = blobs.begin(digest, bytes.length);
    second.write(bytes.subarray(0, MIB));
    await second.ready();
    // What is in the file is not counted twice.
    const small = blobs.begin(digestOf("c"), MIB / 4);
    second.write(bytes.subarray(MIB));
    await second.finish();
    await small.abort();
    await blobs.begin(digestOf("d"), MIB / 4).abort();
    expect(() => blobs.begin(digestOf("e"), 2 * MIB)).toThrow("free some space");
  });
});
