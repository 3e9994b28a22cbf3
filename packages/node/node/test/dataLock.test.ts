// Goal: a data directory has one owner. Method: two nodes in one process on one directory, which the lock tells apart as well.
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, stopTestNode } from "@annals/fake-server";
import { PathLock } from "@annals/storage";
import pino from "pino";
import { expect, onTestFinished, test, vi } from "vitest";
import { startNode } from "../src/startNode.ts";
import { DataLock } from "../src/dataLock.ts";

test("a second node is refused, the first one goes on, and the directory is free after its end", async () => {
  const first = await startTestNode();
  const { config } = first;
  await expect(startNode(config)).rejects.toMatchObject({
    code: "ERR_DATA_IN_USE",
    message: expect.stringContaining(`another process runs on ${config.data}`),
  });
  expect((await fetch(`${first.node.url}/healthz`)).status).toBe(200);
  await first.node.close();
  const second = await startNode(config);
  await second.close();
  await stopTestNode(first);
});

test("a lock is one file: a second one would be moved when the data is put aside", async () => {
  const data = await mkdtemp(join(tmpdir(), "annals-lock-"));
  const lock = await DataLock.take(data, pino({ level: "silent" }));
  expect(await readdir(data)).toEqual(["lock"]);
  lock.release();
  await rm(data, { recursive: true });
});

/** A small file system that is read-only; undefined where this user may not mount, which is told. */
function readOnlyDisk(): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "annals-lock-"));
  try {
    const small = ["-t", "tmpfs", "-o", "size=1m,ro", "annals-test", directory];
    execFileSync("mount", small, { stdio: "ignore" });
    onTestFinished(() => void execFileSync("umount", [directory]));
    return directory;
  } catch {
    console.warn("MOUNT NOT PERMITTED: the test of a lock on a read-only disk is SKIPPED");
    return undefined;
  }
}

test("on a read-only disk the lock is taken when the disk allows it, and whoever comes too late is told", async ({
  skip,
}) => {
  const disk = readOnlyDisk() ?? skip();
  const logger = pino({ level: "silent" });
  const first = await DataLock.take(disk, logger);
  execFileSync("mount", ["-o", "remount,rw", disk]);
  const locked = async (): Promise<void> => {
    await expect(DataLock.take(disk, logger)).rejects.toMatchObject({ code: "ERR_DATA_IN_USE" });
  };
  const other = new PathLock(join(disk, "lock"));
  expect(await first.lost).toMatchObject({ code: "ERR_DATA_IN_USE" });
  other.release();
  execFileSync("mount", ["-o", "remount,ro", disk]);
  const second = await DataLock.take(disk, logger);
  execFileSync("mount", ["-o", "remount,rw", disk]);
  await vi.waitFor(() => expect(second.held).toBe(true), 10_000);
  await locked();
  second.release();
  first.release();
});

test("a lock that fails though everything else may be written is an error that names the file", async () => {
  const data = await mkdtemp(join(tmpdir(), "annals-lock-"));
  // A directory in its place: nothing but the lock cannot be made.
  await mkdir(join(data, "lock"));
  await expect(DataLock.take(data, pino({ level: "silent" }))).rejects.toMatchObject({
    code: "ERR_STORAGE_FAILED",
    message: expect.stringContaining(join(data, "lock")),
  });
  await rm(data, { recursive: true });
});

test("a node that could not start leaves the directory free", async () => {
  const holder = await startTestNode();
  const data = await mkdtemp(join(tmpdir(), "annals-lock-"));
  await expect(startNode({ ...holder.config, data })).rejects.toThrow("EADDRINUSE");
  new PathLock(join(data, "lock")).release();
  await stopTestNode(holder);
  await rm(data, { recursive: true });
});
