// Goal: a disk that refuses writes is never called damage, and nothing of a log is put aside for it.
// Method: a small file system, filled to its last byte, over which a log is opened, scanned and diagnosed.
import { execFileSync } from "node:child_process";
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
import { afterEach, describe, expect, test } from "vitest";
import { diagnoseLog, fsck, openLogStore, probeDisk } from "@annals/storage";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/testkit";
import { temporaryDirectory } from "./support/directory.ts";

const SEGMENT = "segment-0000000000000001";
const FULL = { code: "ERR_DISK_FULL", retryable: true, details: { errno: "ENOSPC" } };
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
  execFileSync("umount", [mounted]);
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

afterEach(unmount);

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
