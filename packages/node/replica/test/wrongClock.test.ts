/** Goal: a leader whose clock is wrong stamps nothing with it, and lets another one lead. Method: real replicas on clocks set by hand. */
import { decodeBatchHeader } from "@annals/record";
import { SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { expect, it } from "vitest";

const YEARS_20 = 20 * 365 * 24 * 3600 * 1000;

function stamps({ store }: SimulatedMember): number[] {
  const found: number[] = [];
  for (let index = 1; index <= store.lastIndex(); index++) {
    const entry = store.storedEntry(index as never)?.entry;
    if (entry?.kind === "records") found.push(decodeBatchHeader(entry.data).recordedAt);
  }
  return found;
}

async function append(cluster: SimulatedCluster): Promise<void> {
  const appended = cluster.append([new Uint8Array(3)]);
  await cluster.settle();
  await appended;
}

// Keeps L40.
it("stamps no record with a clock that jumps for a moment, and goes on leading", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  await cluster.ticks(2);
  cluster.skewsMs.set(leader.id, YEARS_20);
  await append(cluster);
  await cluster.ticks(2);
  cluster.skewsMs.set(leader.id, 0);
  await append(cluster);
  expect(stamps(leader)).toEqual([cluster.trueTime - 200, cluster.trueTime]);
  await cluster.ticks(100);
  expect(cluster.leader?.id).toBe(leader.id);
  expect(leader.replica.status().stampsAhead).toBeUndefined();
});

// Keeps L41.
it("hands leadership over within five seconds when its clock stays wrong, and does not lead again", async () => {
  const cluster = new SimulatedCluster();
  const { id, replica } = await cluster.elect();
  await cluster.ticks(2);
  cluster.skewsMs.set(id, -YEARS_20);
  await cluster.ticks(19);
  expect(cluster.leader?.id).toBe(id);
  await cluster.ticks(31);
  const { leader: next } = cluster;
  expect(next?.id).not.toBe(id);
  expect(replica.status().clockHandOvers).toBe(1);
  // The new one dies: the only other one that is right takes over, although the first has its chances.
  cluster.crash(next?.id ?? 0);
  cluster.skewsMs.set(id, 0);
  await cluster.ticks(60);
  const { leader: third } = cluster;
  expect(third).toBeDefined();
});

// Keeps L41.
it("does not stand for election while its clock is wrong and another one can lead", async () => {
  const cluster = new SimulatedCluster({ members: 5 });
  const leader = await cluster.elect();
  const [wrong] = cluster.members.filter(({ id }) => id !== leader.id);
  cluster.skewsMs.set(wrong?.id ?? 0, YEARS_20);
  await cluster.ticks(30);
  for (let round = 0; round < 5; round++) {
    const before = cluster.leader?.id ?? 0;
    cluster.crash(before);
    await cluster.ticks(30);
    expect(cluster.leader?.id).toBeDefined();
    expect(cluster.leader?.id).not.toBe(wrong?.id);
    cluster.restart(before);
    await cluster.ticks(5);
  }
});

// Keeps L41.
it("leads in spite of its clock when nobody else can, and no longer than that", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  const [wrong, other] = cluster.members.filter(({ id }) => id !== leader.id);
  cluster.skewsMs.set(wrong?.id ?? 0, YEARS_20);
  await cluster.ticks(30);
  // The other one has missed an entry, so it cannot be elected by the wrong one.
  cluster.isolate(other?.id ?? 0);
  await append(cluster);
  cluster.heal();
  cluster.crash(leader.id);
  await cluster.ticks(100);
  expect(wrong?.traces.map(({ kind }) => kind)).toContain("becameLeader");
  // It has brought the other one up to date and handed over.
  expect(cluster.leader?.id).toBe(other?.id);
  await append(cluster);
  expect(stamps(wrong ?? leader)).toHaveLength(2);
  expect(stamps(wrong ?? leader).every((time) => time <= cluster.trueTime + 5000)).toBe(true);
});

// Keeps L41.
it("hands over once a minute at most, to a member whose clock is right and that is caught up", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  await cluster.ticks(2);
  const [slow, last] = cluster.members.filter(({ id }) => id !== leader.id);
  // With all three apart nobody is trusted: leadership stays.
  cluster.skewsMs.set(leader.id, YEARS_20);
  cluster.skewsMs.set(slow?.id ?? 0, -YEARS_20);
  await cluster.ticks(50);
  expect(cluster.leader?.id).toBe(leader.id);
  expect(leader.replica.status().clockHandOvers).toBe(0);
  cluster.skewsMs.set(slow?.id ?? 0, 0);
  await cluster.ticks(50);
  const { leader: second } = cluster;
  expect([slow?.id, last?.id]).toContain(second?.id);
  // It is led back by an operator's wish: the leader with the wrong clock keeps it for the rest of the minute.
  second?.replica.transferLeadership(leader.id);
  await cluster.ticks(20);
  expect(cluster.leader?.id).toBe(leader.id);
  await cluster.ticks(500);
  expect(cluster.leader?.id).toBe(leader.id);
  await cluster.ticks(100);
  expect(cluster.leader?.id).not.toBe(leader.id);
  expect(leader.replica.status().clockHandOvers).toBe(2);
});

// Keeps L42.
it("tells how far the last stamp is ahead of the time, until that has passed", async () => {
  const cluster = new SimulatedCluster({ members: 1 });
  cluster.skewsMs.set(1, 20_000);
  const alone = await cluster.elect();
  await append(cluster);
  const lastRecordedAt = cluster.trueTime + 20_000;
  cluster.skewsMs.set(1, 0);
  await cluster.ticks(1);
  cluster.restart(1);
  await cluster.elect();
  const { replica } = alone;
  expect(replica.status().stampsAhead).toEqual({ lastRecordedAt, time: cluster.trueTime });
  await append(cluster);
  expect(stamps(alone)).toEqual([lastRecordedAt, lastRecordedAt]);
  await cluster.ticks(200);
  expect(replica.status().stampsAhead).toBeUndefined();
});
