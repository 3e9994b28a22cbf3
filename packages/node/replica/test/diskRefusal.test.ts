/**
 * Goal: a replica whose disk takes no writes gives no vote and asks for none, serves what it has, and goes on by itself. Method: a cluster on
 * simulated disks that refuse.
 */
import { AnnalsError } from "@annals/record";
import { SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { expect, it } from "vitest";

const READ_ONLY = new AnnalsError("ERR_DISK_UNAVAILABLE", "EROFS at /data", { retryable: true });
const ONE = { records: [new Uint8Array(1)], stamp: undefined, timeoutMs: 1000 };

async function appended(cluster: SimulatedCluster): Promise<number> {
  const done = cluster.append(ONE.records);
  await cluster.ticks(3);
  return (await done).firstSeq;
}

function termOf({ replica }: SimulatedMember): number {
  return replica.status().raft.term;
}

it("stands for no election while its disk refuses, and its term does not grow", async () => {
  const cluster = new SimulatedCluster({ members: 1 });
  const only = cluster.member(1);
  await cluster.elect();
  expect(await appended(cluster)).toBe(1);
  cluster.crash(1);
  only.disk.refusal = READ_ONLY;
  cluster.restart(1);
  const before = termOf(only);
  only.replica.campaign();
  await cluster.ticks(200);
  expect(termOf(only)).toBe(before);
  expect(only.replica.role).toBe("follower");
  expect(only.failed).toBeUndefined();
  expect(only.replica.status().diskFull).toBe(true);
  await expect(only.replica.append(ONE)).rejects.toMatchObject({ retryable: true });
  only.disk.refusal = undefined;
  await cluster.elect();
  expect(await appended(cluster)).toBe(2);
});

it("gives no vote while its disk refuses: two of three that refuse have no leader, and then have one again", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  expect(await appended(cluster)).toBe(1);
  const others = cluster.members.filter((member) => member !== leader);
  const terms = others.map(termOf);
  for (const { disk } of others) disk.refusal = READ_ONLY;
  cluster.crash(leader.id);
  cluster.restart(leader.id);
  await cluster.ticks(200);
  expect(cluster.leader).toBeUndefined();
  expect(others.map(termOf)).toEqual(terms);
  for (const { disk } of others) disk.refusal = undefined;
  await cluster.elect();
  expect(await appended(cluster)).toBe(2);
  expect(cluster.members.map(({ failed }) => failed)).toEqual([undefined, undefined, undefined]);
});

it("a leader whose disk begins to refuse names the reason, and commits what it took when the disk is well", async () => {
  const cluster = new SimulatedCluster({ members: 1 });
  await cluster.elect();
  const only = cluster.member(1);
  only.disk.refusal = READ_ONLY;
  const refused = only.replica.append(ONE);
  await expect(refused).rejects.toBe(READ_ONLY);
  only.disk.refusal = undefined;
  expect(await appended(cluster)).toBe(1);
});

// Keeps L43.
it("a leader whose disk begins to refuse hands over, instead of keeping everybody from writing", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  expect(await appended(cluster)).toBe(1);
  const taken = leader.replica.append({ ...ONE, timeoutMs: 60_000 });
  leader.disk.refusal = READ_ONLY;
  await cluster.ticks(50);
  expect(leader.replica.role).toBe("follower");
  expect(cluster.leader).toBeDefined();
  expect(cluster.leader).not.toBe(leader);
  // Taken before the disk refused, and in the log of the others.
  leader.disk.refusal = undefined;
  await cluster.ticks(3);
  expect(await taken).toMatchObject({ firstSeq: 2 });
  expect(await appended(cluster)).toBe(3);
});
