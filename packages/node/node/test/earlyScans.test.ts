// Goal: what was read early counts once, only where it was clean, and never for a log that a worker has had.
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openLogStore } from "@annals/storage";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { EarlyScans } from "../src/earlyScans.ts";

/** Logs 1 to 3, of which 2 is damaged, and no log 4. */
async function dataWithLogs(): Promise<string> {
  const data = await mkdtemp(join(tmpdir(), "annals-early-"));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  const logOf = (logId: number): string => join(data, "logs", String(logId));
  const store = await openLogStore({
    directory: logOf(1),
    logId: 1,
    segmentBytes: 1 << 20,
    initial: { membership: SAMPLE_MEMBERSHIP },
    minFreeBytes: 1,
    scanFirst: false,
  });
  await store.write(cycleOf({ entries: plainEntries(1, 200, 1), hardState: hardState(1, 1, 200) }));
  await store.close();
  for (const logId of [2, 3]) await cp(logOf(1), logOf(logId), { recursive: true });
  const file = join(logOf(2), "segment-0000000000000001", "data.mdb");
  const bytes = await readFile(file);
  // What is behind the two pages of its head.
  await writeFile(file, bytes.fill(0xff, 8192));
  return data;
}

function scansOf(data: string, logIds: readonly number[]): EarlyScans {
  const scans = new EarlyScans(data, logIds);
  onTestFinished(() => scans.close());
  return scans;
}

async function scanned(scans: EarlyScans, times: number): Promise<void> {
  const heard = vi.fn<() => void>();
  scans.onScanned = heard;
  await vi.waitFor(() => expect(heard.mock.calls.length).toBeGreaterThanOrEqual(times), 20_000);
}

test("a clean log is clean once; a damaged and a missing one are for whoever opens them", async () => {
  const scans = scansOf(await dataWithLogs(), [1, 2, 4]);
  await scanned(scans, 3);
  expect([1, 2, 3, 4].map((logId) => scans.take(logId))).toEqual([
    "clean",
    "unknown",
    "unknown",
    "unknown",
  ]);
  expect(scans.take(1)).toBe("unknown");
});

test("a log that is opened before it is its turn is not read any more; one that is being read is waited for", async () => {
  const scans = scansOf(await dataWithLogs(), [1, 3]);
  expect(scans.take(3)).toBe("unknown");
  expect(scans.take(1)).toBe("running");
  await scanned(scans, 1);
  expect([scans.take(1), scans.take(3)]).toEqual(["clean", "unknown"]);
});

test("after it is closed no other log is read", async () => {
  const scans = scansOf(await dataWithLogs(), [1, 3]);
  scans.close();
  await scanned(scans, 1);
  expect([scans.take(1), scans.take(3)]).toEqual(["clean", "unknown"]);
});
