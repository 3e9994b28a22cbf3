// Goal: no schedule of losses, repeats, crashes and slow disks breaks the properties of Raft. Method: random clusters, one seed each; the
// checkers look after every event, and after healing the cluster must make progress. A failure names its seed. The checkers are checked by
// drivers that make a mistake on purpose.
import { describe, expect, test } from "vitest";
import type { Canary } from "./support/clusterMember.ts";
import { RandomCluster } from "./support/randomCluster.ts";

const SEEDS = 120;
const STEPS = 3_000;

// Keeps R1, R4, R5, R6, R8, R10, R11, R12, R18, R25, R31.
describe("a random cluster keeps the properties of Raft", () => {
  test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))("seed %i", (seed) => {
    const cluster = new RandomCluster(seed);
    cluster.run(STEPS);
    cluster.heal();
    expect(cluster.committed).toBeGreaterThan(1);
  });
});

// Keeps R40.
test("the same seed gives the same run", () => {
  const [one, other] = [new RandomCluster(7), new RandomCluster(7)];
  one.run(STEPS);
  other.run(STEPS);
  expect(one.describe()).toBe(other.describe());
});

// Keeps R1, R8, R9.
describe("the checkers find a driver out that", () => {
  const findings: readonly (readonly [Canary, RegExp])[] = [
    ["ackBeforeFlush", /was committed with only|leader completeness|before that|lost\?/],
    [
      "forgetHardState",
      /election safety|term fell|before that|leader completeness|lost\?|stale read/,
    ],
  ];

  test.each(findings)("has the mistake %s", (canary, finding) => {
    const messages: string[] = [];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        new RandomCluster(seed, canary).run(STEPS);
      } catch (error) {
        messages.push(String(error));
      }
    }
    expect(messages.join("\n")).toMatch(finding);
  });
});
