// Goal: replicas keep every promise under faults, and a seed is all that a run depends on. Method: short runs of the simulator.
import { describe, expect, it } from "vitest";
import { simulate } from "../src/simulation.ts";

const FAULTY_MS_MAX = 2000;
/** A few: the gate, which runs behind the tests, has hundreds of long ones. */
const SEEDS = Array.from({ length: 20 }, (_, index) => index + 1);

describe("short runs", { timeout: 60_000 }, () => {
  it.each(SEEDS)("seed %i breaks no rule", async (seed) => {
    const outcome = await simulate(seed, { faultyMsMax: FAULTY_MS_MAX });
    expect(outcome.violation).toBeUndefined();
    expect(outcome.acknowledgements).toBeGreaterThan(0);
  });
});

// The checkers suspend rules only in the second mode, and only from the moment on at which disks go back.
describe.each(["member", "quorum"] as const)("the disks of a %s go back", (putBack) => {
  it.each(SEEDS.slice(0, 12))("seed %i breaks no rule", { timeout: 60_000 }, async (seed) => {
    const outcome = await simulate(seed, { faultyMsMax: FAULTY_MS_MAX, putBack });
    expect(outcome.violation).toBeUndefined();
    expect(outcome.acknowledgements).toBeGreaterThan(0);
  });

  it("strikes, and the same seed gives the same trace", { timeout: 60_000 }, async () => {
    const first = await simulate(2, { putBack });
    const second = await simulate(2, { putBack, keepsLines: true });
    expect(first.counts.get("putBack")).toBeGreaterThan(0);
    expect(second.hash).toBe(first.hash);
  });
});

it("a newcomer that gets one entry a round trip is waited for", { timeout: 120_000 }, async () => {
  const { violation, plan } = await simulate(20_261_122_212_109, {
    strikesOnly: new Set(["join#6"]),
  });
  expect(violation).toBeUndefined();
  expect(plan.config.append).toMatchObject({ maxBytes: 100, maxInflightMessages: 1 });
});

it("a leader that has not heard of a newcomer does not remove it", {
  timeout: 60_000,
}, async () => {
  const { counts, violation } = await simulate(117, { faultyMsMax: 4000 });
  expect(violation).toBeUndefined();
  expect(counts.get("unheardKept")).toBeGreaterThan(0);
});

describe("determinism", { timeout: 60_000 }, () => {
  it.each([1, 2, 3])("seed %i gives the same trace twice, with words and without", async (seed) => {
    const first = await simulate(seed, { faultyMsMax: FAULTY_MS_MAX });
    const second = await simulate(seed, { faultyMsMax: FAULTY_MS_MAX, keepsLines: true });
    expect(second.hash).toBe(first.hash);
    expect(second.events).toBe(first.events);
    expect(second.tail.length).toBeGreaterThan(0);
  });

  it("another seed gives another trace", async () => {
    const hashes = new Set<string>();
    for (const seed of [1, 2, 3]) hashes.add((await simulate(seed, { faultyMsMax: 500 })).hash);
    expect(hashes.size).toBe(3);
  });
});
