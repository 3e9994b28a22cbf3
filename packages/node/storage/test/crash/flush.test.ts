// Goal: a write is never reported before its flush has returned, and a flush that fails is the end of the store.
// Method: a library preloaded into the writer holds fdatasync until this test lets it go, or makes it fail, and logs the order.
import { join } from "node:path";
import { chainOf, cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { describe, expect, test, vi } from "vitest";
import { fsck } from "../../src/check/fsck.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { keptDirectory } from "../support/keptDirectory.ts";
import { buildShim, Writer } from "./shim.ts";

const root = keptDirectory();
const library = buildShim(root.path);
const SLOW = { timeout: 20_000 };
const WAIT = { timeout: 10_000, interval: 2 };
const BEFORE = plainEntries(1, 10, 1);

describe.skipIf(library === undefined)("fdatasync", () => {
  let work = 0;
  let directory = "";

  async function prepare(): Promise<string> {
    work += 1;
    directory = join(root.path, `log-${work}`);
    const store = await openLogStore({
      directory,
      logId: 1,
      segmentBytes: 1024 * 1024,
      initial: { membership: SAMPLE_MEMBERSHIP },
      scanFirst: false,
    });
    await store.write(cycleOf({ entries: BEFORE, hardState: hardState(1, 1, 6) }));
    await store.close();
    return join(root.path, `work-${work}`);
  }

  /** Runs the held write until the loop has turned many times while the disk did not answer; then lets it go. */
  async function orderOfHeldWrite(segmentBytes: number): Promise<readonly string[]> {
    const writer = new Writer(library ?? "", await prepare(), "held", directory, { segmentBytes });
    const lines = (): readonly string[] => writer.lines();
    await vi.waitUntil(() => lines().includes("opened"), WAIT);
    writer.control("hold");
    const opened = lines().indexOf("opened");
    await vi.waitUntil(() => lines().slice(opened).includes("flush data.mdb"), WAIT);
    const turns = (): number => lines().filter((line) => line === "turn").length;
    const before = turns();
    await vi.waitUntil(() => turns() > before + 20, WAIT);
    writer.control("");
    expect(await writer.exited).toBe(0);
    const order = lines().filter((line) => line !== "turn");
    return order.slice(order.indexOf("opened") + 1);
  }

  test(
    "write resolves after the flush of the data, its meta page, and the sidecar of a new vote",
    SLOW,
    async () => {
      const order = await orderOfHeldWrite(1024 * 1024);
      expect(order.slice(0, order.indexOf("resolved") + 1)).toEqual([
        "flush data.mdb",
        "flushed data.mdb",
        "meta data.mdb",
        "flush sidecar",
        "flushed sidecar",
        "resolved",
      ]);
    },
  );

  test("the loop turns while a roll waits for the disk, too", SLOW, async () => {
    const order = await orderOfHeldWrite(16 * 1024);
    const resolved = order.indexOf("resolved");
    expect(
      order.slice(0, resolved).filter((line) => line === "flushed data.mdb").length,
    ).toBeGreaterThan(2);
    expect(order.slice(resolved - 2, resolved)).toEqual(["flush sidecar", "flushed sidecar"]);
  });

  const REFUSED = [
    "write ERR_STORAGE_FAILED",
    "again ERR_STORAGE_FAILED",
    "read ERR_STORAGE_FAILED",
    "closed",
  ];

  /** Runs the failing write and tells how the process ended and what it had noted. */
  async function failingWrite(
    control: string,
  ): Promise<{ ended: number | string; told: string[] }> {
    const work = await prepare();
    const options = { segmentBytes: 1024 * 1024 };
    const writer = new Writer(library ?? "", work, "failing", directory, options);
    await vi.waitUntil(() => writer.lines().includes("opened"), WAIT);
    writer.control(control);
    const ended = await writer.exited;
    const told = writer.lines().filter((line) => /^(write|again|read|closed|unhandled)/.test(line));
    const report = await fsck(directory, { isolate: false });
    expect(report.problems).toEqual([]);
    const chains = [BEFORE, [...BEFORE, ...plainEntries(11, 11, 5)]].map(chainOf);
    expect(chains).toContain(report.headHash);
    return { ended, told };
  }

  test.each(["data.mdb", "sidecar"])(
    "EIO from the flush of %s ends the store, and a restart finds a sound log",
    SLOW,
    async (file) => {
      expect(await failingWrite(`fail ${file}`)).toEqual({ ended: 0, told: REFUSED });
    },
  );

  test(
    "a disk that is full behind the floor ends the store, and a restart finds a sound log",
    SLOW,
    async () => {
      const { ended, told } = await failingWrite("full data.mdb");
      // lmdb 3.5.6 writes its message about a failed write past the end of a hundred bytes of heap, so this process may be aborted at
      // any time from here on. That is why a failed store must end its process, and why the floor is there.
      expect([0, "SIGABRT", "SIGSEGV"]).toContain(ended);
      expect(told).toEqual(REFUSED.slice(0, told.length));
    },
  );
});
