// Goal: nobody leads a term that its own disk does not know, or it could lead that term twice, before and after a crash, with different logs.
// Method: real replicas whose flushes the test completes, except those of the first candidate.
import { SimulatedCluster } from "@annals/kit";
import { expect, it } from "vitest";

it("a candidate asks for votes only when its own is on disk", async () => {
  const cluster = new SimulatedCluster({ autoFlush: false });
  const isCandidate = ({ replica }: { replica: { role: string } }): boolean =>
    replica.role === "candidate";
  while (!cluster.members.some(isCandidate)) await cluster.ticks(1);
  const candidate = cluster.members.find(isCandidate);
  for (let round = 0; round < 10; round++) {
    for (const member of cluster.members) if (member !== candidate) member.store.completeWrite();
    await cluster.settle();
  }
  expect(candidate?.disk.image.hardState.term).toBe(0);
  expect(candidate?.replica.role).toBe("candidate");
  candidate?.store.completeWrite();
  await cluster.settle();
  for (const member of cluster.members) member.store.completeWrite();
  await cluster.settle();
  expect(candidate?.replica.role).toBe("leader");
});
