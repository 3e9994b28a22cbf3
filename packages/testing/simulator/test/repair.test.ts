// Goal: damaged disks come back as they were, also when every node is damaged somewhere, and a repair that does not look at what it is
// given is found out. Method: seeds that are known to damage disks, with and without the planted bug; a disk by hand.
import { cycleOf, plainEntries, SAMPLE_MEMBERSHIP, SimulatedDisk } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { describe, expect, it, test } from "vitest";
import { MUTANTS } from "../src/mutants/mutants.ts";
import { simulate } from "../src/simulation.ts";

/** Faults end early. */
const SHORT = { faultyMsMax: 4000 };

describe("repair of damaged logs", { timeout: 60_000 }, () => {
  it.each([7, 35, 65])("seed %i gets everything back, in one piece or helically", async (seed) => {
    const { counts, violation } = await simulate(seed, SHORT);
    expect(violation).toBeUndefined();
    expect(counts.get("helical")).toBeGreaterThan(0);
    expect(counts.get("repaired")).toBeGreaterThan(0);
    expect(counts.get("repairPage")).toBeGreaterThan(0);
  });

  it("refutes wrong pages, and is found out when it does not", async () => {
    const seed = 49;
    const { counts, violation } = await simulate(seed, SHORT);
    expect(violation).toBeUndefined();
    expect(counts.get("wrongPage")).toBeGreaterThan(0);
    expect(counts.get("repairRefuted")).toBeGreaterThan(0);
    const mutant = MUTANTS.find(({ name }) => name === "repair-page-trusted");
    expect(mutant).toBeDefined();
    expect((await simulate(seed, { mutant, ...SHORT })).violation?.rule).toBe("repair");
  });
});

describe("damage to entries that were not committed", { timeout: 60_000 }, () => {
  it.each([5, 18, 49])(
    "seed %i gives disks up when others are committed, and goes on",
    async (seed) => {
      const { counts, violation } = await simulate(seed, SHORT);
      expect(violation).toBeUndefined();
      expect(counts.get("superseded")).toBeGreaterThan(0);
    },
  );

  it("is found out when one peer is believed", async () => {
    const mutant = MUTANTS.find(({ name }) => name === "one-witness-believed");
    expect(mutant).toBeDefined();
    expect((await simulate(5, SHORT)).violation).toBeUndefined();
    expect((await simulate(5, { mutant, ...SHORT })).violation?.rule).toBe("repair");
  });
});

test("a disk is mended with what it is given, and by nothing else", async () => {
  const entries = plainEntries(1, 5, 1);
  const disk = new SimulatedDisk(SAMPLE_MEMBERSHIP);
  await disk.open({ autoComplete: true }).write(cycleOf({ entries }));
  const before = disk.image;
  for (const index of [2, 4]) disk.damageEntry(asIndex(index), "zeroed");
  expect(() => disk.open().storedEntry(asIndex(2))).toThrow(/entry 2/);
  disk.mend(entries.slice(1, 2));
  expect([...disk.damaged.keys()]).toEqual([4]);
  disk.mend(entries.slice(3, 4));
  expect(disk.damaged.size).toBe(0);
  const store = disk.open();
  for (const { index } of entries)
    expect([...(store.storedEntry(index)?.hash ?? [])]).toEqual([
      ...(before.stored.at(index)?.hash ?? [index]),
    ]);
});
