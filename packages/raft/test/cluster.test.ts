// Goal: no schedule of losses, repeats, crashes and slow disks breaks the properties of Raft. Method: random clusters, one seed each; the
// checkers look after every event, and after healing the cluster must make progress. A failure names its seed.
import { describe, expect, test } from "vitest";
import { RandomCluster } from "./support/randomCluster.ts";

const SEEDS = 40;
const STEPS = 3_000;

describe("a random cluster keeps the properties of Raft", () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))("seed %i", (seed) => {
    const cluster = new RandomCluster(seed);
    cluster.run(STEPS);
    cluster.heal();
    expect(cluster.committed).toBeGreaterThan(1);
  });
});
