// Goal: the simulated store keeps the contract of the real one, and its crashes lose exactly what was not flushed.
import { describe, expect, test } from "vitest";
import { asIndex } from "@annals/raft";
import { cycleOf, plainEntries, SAMPLE_MEMBERSHIP } from "../../src/storage/sampleLog.ts";
import { LOG_STORE_CONTRACT } from "../../src/storage/contract.ts";
import { SimulatedDisk } from "../../src/storage/simulatedDisk.ts";

describe("contract", () => {
  test.each(LOG_STORE_CONTRACT)("$name", async ({ run }) => {
    const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
    await expect(
      run({ open: () => Promise.resolve(disk.open({ autoComplete: true })) }),
    ).resolves.toBeUndefined();
  });
});

test("a write completes when it is told to, and a crash loses it before", async () => {
  const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
  const store = disk.open();
  const first = store.write(cycleOf({ entries: plainEntries(1, 2, 1) }));
  expect(store.pendingCycle?.entries.length).toBe(2);
  expect(store.lastIndex()).toBe(0);
  expect(store.completeWrite()).toBe(true);
  await first;
  expect(store.completeWrite()).toBe(false);
  void store.write(cycleOf({ entries: plainEntries(3, 4, 1) }));
  store.crash();
  const second = disk.open();
  expect(second.lastIndex()).toBe(2);
  void second.write(cycleOf({ entries: plainEntries(3, 3, 1) }));
  second.crash("meta");
  expect(disk.open().lastIndex()).toBe(3);
});

test("a failed write ends the store, a damaged entry is found when it is read", async () => {
  const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
  const store = disk.open();
  const first = store.write(cycleOf({ entries: plainEntries(1, 2, 1) }));
  store.completeWrite();
  await first;
  const second = store.write(cycleOf({ entries: plainEntries(3, 3, 1) }));
  store.failWrite(new Error("EIO"));
  await expect(second).rejects.toMatchObject({ code: "ERR_STORAGE_FAILED" });
  await expect(store.write(cycleOf({}))).rejects.toMatchObject({ code: "ERR_STORAGE_FAILED" });
  disk.damageEntry(asIndex(1));
  const reopened = disk.open();
  expect(() => reopened.storedEntry(asIndex(1))).toThrow(
    expect.objectContaining({ code: "ERR_ENTRY_DAMAGED" }),
  );
  expect(reopened.storedEntry(asIndex(2))?.entry.index).toBe(2);
});

test.each([
  ["begun", 2],
  ["marked", 2],
  ["pages", 2],
  ["meta", 3],
  ["sidecar", 3],
] as const)(
  "a cycle that is cut off when it has %s leaves all of it or nothing",
  async (step, last) => {
    const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
    const store = disk.open();
    const first = store.write(cycleOf({ entries: plainEntries(1, 2, 1) }));
    store.completeWrite();
    await first;
    void store.write(cycleOf({ entries: plainEntries(3, 3, 1) }));
    store.crash(step);
    expect(disk.open().lastIndex()).toBe(last);
  },
);

test.each(["flipped", "zeroed", "missing", "misplaced"] as const)(
  "an entry that is %s is never served",
  async (damage) => {
    const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
    const store = disk.open();
    const written = store.write(cycleOf({ entries: plainEntries(1, 3, 1) }));
    store.completeWrite();
    await written;
    disk.damageEntry(asIndex(2), damage);
    const damaged = expect.objectContaining({ code: "ERR_ENTRY_DAMAGED" });
    expect(() => disk.open().storedEntry(asIndex(2))).toThrow(damaged);
  },
);

test("a misdirected read is refused, and the next one brings the entry", async () => {
  const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
  const store = disk.open();
  const written = store.write(cycleOf({ entries: plainEntries(1, 3, 1) }));
  store.completeWrite();
  await written;
  disk.misreadNext(1);
  expect(() => store.storedEntry(asIndex(2))).toThrow("entry 2");
  expect(store.storedEntry(asIndex(2))?.entry.index).toBe(2);
});
