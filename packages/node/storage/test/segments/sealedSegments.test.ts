// Goal: a log of many segments keeps few of them open. Method: all of it is read, and the files of this process are counted.
import { readdirSync, readlinkSync } from "node:fs";
import { platform } from "node:os";
import { OPEN_SEGMENTS_MAX } from "@annals/flow";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { expect, test, vi } from "vitest";
import { openLogStore } from "../../src/openLogStore.ts";
import { SealedSegments } from "../../src/segments/sealedSegments.ts";
import { temporaryDirectory } from "../support/directory.ts";

const SEGMENTS = OPEN_SEGMENTS_MAX + 8;
/** It is written, and so never closed. */
const ACTIVE = 1;

/** Segments below `directory` of which this process has the data file open. */
function openSegments(directory: string): number {
  const targets = readdirSync("/proc/self/fd").map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      return "closed meanwhile";
    }
  });
  const here = targets.filter((path) => path.startsWith(directory) && path.endsWith("data.mdb"));
  return new Set(here).size;
}

test.skipIf(platform() !== "linux")(
  "so many segments are open at a time, however many are read",
  { timeout: 60_000 },
  async () => {
    const directory = await temporaryDirectory();
    const store = await openLogStore({
      directory,
      logId: 7,
      segmentBytes: 1,
      minFreeBytes: 0,
      initial: { membership: SAMPLE_MEMBERSHIP },
    });
    for (let index = 1; index <= SEGMENTS; index++)
      await store.write(
        cycleOf({ entries: plainEntries(index, index, 3), hardState: hardState(3, 2, index) }),
      );
    expect(readdirSync(directory).filter((name) => name.startsWith("segment-")).length).toBe(
      SEGMENTS,
    );
    for (let index = 1; index <= SEGMENTS; index++) {
      expect(store.storedEntry(asIndex(index))?.entry.index).toBe(index);
      await vi.waitFor(() =>
        expect(openSegments(directory)).toBeLessThanOrEqual(OPEN_SEGMENTS_MAX + ACTIVE),
      );
    }
    expect(openSegments(directory)).toBe(OPEN_SEGMENTS_MAX + ACTIVE);
    await store.close();
  },
);

test("the one that was used longest ago makes place, so that one in use stays open", async () => {
  const directory = await temporaryDirectory();
  const store = await openLogStore({
    directory,
    logId: 7,
    segmentBytes: 1,
    initial: { membership: SAMPLE_MEMBERSHIP },
    scanFirst: false,
  });
  for (let index = 1; index <= SEGMENTS; index++)
    await store.write(
      cycleOf({ entries: plainEntries(index, index, 3), hardState: hardState(3, 2, index) }),
    );
  await store.close();
  const firsts = Array.from({ length: SEGMENTS }, (_, k) => k + 1);
  const sealed = new SealedSegments(directory, firsts, 2 ** 20);
  const first = sealed.holding(1).segment;
  for (const index of firsts) {
    expect(sealed.holding(index).state.base.index).toBe(index - 1);
    expect(sealed.holding(1).segment).toBe(first);
  }
  expect(
    [0, 1, 2, SEGMENTS, SEGMENTS + 9].map((seq) => sealed.holdingSeq(seq)?.state.base.seq),
  ).toEqual([undefined, 0, 1, SEGMENTS - 1, SEGMENTS - 1]);
  expect(sealed.oldest()?.state.base.index).toBe(0);
  expect(sealed.firstIndex).toBe(1);
  expect(() => sealed.holding(0)).toThrow(RangeError);
  await sealed.close();
});
