// Goal: logs that are opened together share one reader, and no log is blamed for what another one, or the system, did to it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cycleOf, hardState, plainEntries, runWithFewFiles, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { expect, test, vi } from "vitest";
import { openLogStore } from "../../src/openLogStore.ts";
import { TailScanner } from "../../src/check/tailScanner.ts";
import { temporaryDirectory } from "../support/directory.ts";

const SCRIPT = join(import.meta.dirname, "../support", "scanWithoutFiles.ts");

async function writtenLog(): Promise<string> {
  const directory = await temporaryDirectory();
  const store = await openLogStore({
    directory,
    logId: 1,
    segmentBytes: 1 << 20,
    initial: { membership: SAMPLE_MEMBERSHIP },
    minFreeBytes: 1,
    scanFirst: false,
  });
  const entries = plainEntries(1, 200, 1);
  await store.write(cycleOf({ entries, hardState: hardState(1, 1, 200) }));
  await store.close();
  return directory;
}

/** Turns the pages behind the two of the file's head over. */
function damage(directory: string): void {
  const path = join(directory, "segment-0000000000000001", "data.mdb");
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xff, 8192, bytes.length));
}

function readers(): readonly string[] {
  return readdirSync("/proc/self/task").flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, "utf8")
      .split(" ")
      .filter((pid) => pid !== "" && isReader(pid)),
  );
}

function isReader(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("scanMain");
  } catch {
    return false;
  }
}

test("logs that are opened together have one reader, which ends when the scanner is closed", async () => {
  const logs = await Promise.all([writtenLog(), writtenLog(), writtenLog()]);
  const scanner = new TailScanner();
  const seen = new Set<string>();
  await Promise.all(
    logs.map(async (log) => {
      await scanner.scan(log);
      for (const pid of readers()) seen.add(pid);
    }),
  );
  expect(seen.size).toBe(1);
  scanner.close();
  await vi.waitFor(() => expect(readers()).toEqual([]));
});

test("a damaged log between two sound ones is the only one that is refused", async () => {
  const [before, damaged, behind] = [await writtenLog(), await writtenLog(), await writtenLog()];
  damage(damaged);
  const scanner = new TailScanner();
  const outcomes = await Promise.allSettled(
    [before, damaged, behind].map((log) => scanner.scan(log)),
  );
  scanner.close();
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const [, refused] = outcomes;
  expect(refused).toMatchObject({
    reason: { code: expect.stringMatching(/^ERR_(LOG|ENTRY)_DAMAGED$/) },
  });
  expect(String(refused?.status === "rejected" && refused.reason)).toContain(damaged);
});

test("a log is read by another reader when the first one was ended by somebody in between", async () => {
  const log = await writtenLog();
  const scanner = new TailScanner();
  await scanner.scan(log);
  expect(readers()).toHaveLength(1);
  for (const pid of readers()) process.kill(Number(pid), "SIGKILL");
  await expect(scanner.scan(log)).resolves.toBeUndefined();
  scanner.close();
});

test("without file descriptors for a reader the system refuses, and the log is not blamed", async () => {
  const log = await writtenLog();
  expect(JSON.parse(await runWithFewFiles(SCRIPT, [log]))).toEqual({
    code: "ERR_DISK_UNAVAILABLE",
    errno: "EMFILE",
  });
});
