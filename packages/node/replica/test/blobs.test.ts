/**
 * Goal: whoever has a record has the blobs that it names. Method: real replicas on simulated disks, network and clock; blobs arrive when the
 * test says so.
 */
import { SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { describe, expect, it } from "vitest";
import type { AppendResult } from "../src/appendQueue.ts";

const BLOB = "ab".repeat(32);
const OTHER = "cd".repeat(32);

function append(
  leader: SimulatedMember,
  count: number,
  named: Readonly<Record<number, readonly string[]>> = {},
): Promise<AppendResult> {
  const records = Array.from({ length: count }, (_, k) => Uint8Array.of(k));
  const attachments = new Map(
    Object.entries(named).map(([position, digests]) => [Number(position), digests] as const),
  );
  return leader.replica.append({ records, attachments, stamp: undefined, timeoutMs: 60_000 });
}

function followersOf(cluster: SimulatedCluster, leader: SimulatedMember): SimulatedMember[] {
  return cluster.members.filter((member) => member !== leader);
}

async function settled<T>(cluster: SimulatedCluster, promise: Promise<T>): Promise<T | "open"> {
  await cluster.ticks(3);
  return Promise.race([promise, Promise.resolve("open" as const)]);
}

describe("records that name blobs", () => {
  // Keeps L27.
  it("are refused by a leader that does not have them, whole", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const last = leader.replica.status().raft.lastIndex;
    await expect(append(leader, 2, { 1: [BLOB] })).rejects.toMatchObject({
      code: "ERR_BLOB_MISSING",
      details: { missing: [BLOB] },
    });
    await cluster.settle();
    expect(leader.replica.status().raft.lastIndex).toBe(last);
  });

  // Keeps L26.
  it("are acknowledged once a quorum has record and blob, and not before", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    leader.blobs.add(BLOB);
    const done = append(leader, 1, { 0: [BLOB] });
    expect(await settled(cluster, done)).toBe("open");
    const [first, second] = followersOf(cluster, leader);
    expect(first?.wanted[0]).toEqual({ digest: BLOB, from: leader.id });
    first?.blobs.add(BLOB);
    expect(await settled(cluster, done)).toMatchObject({ firstSeq: 1 });
    expect(first?.replica.appliedSeq).toBe(1);
    // The third neither has it nor holds anybody up.
    expect(second?.replica.appliedSeq).toBe(0);
    expect(second?.store.lastSeq()).toBe(0);
    second?.blobs.add(BLOB);
    await cluster.ticks(3);
    expect(second?.replica.appliedSeq).toBe(1);
  });

  // Keeps L26.
  it("hold up what follows them, and nothing that precedes", async () => {
    const cluster = new SimulatedCluster({ config: { batch: { maxRecords: 1, maxBytes: 1000 } } });
    const leader = await cluster.elect();
    leader.blobs.add(BLOB).add(OTHER);
    const before = append(leader, 2);
    const naming = append(leader, 1, { 0: [BLOB, OTHER, BLOB] });
    const after = append(leader, 1);
    expect(await settled(cluster, before)).toMatchObject({ firstSeq: 1, lastSeq: 2 });
    expect(await settled(cluster, naming)).toBe("open");
    expect(await settled(cluster, after)).toBe("open");
    for (const follower of followersOf(cluster, leader)) {
      expect(follower.replica.appliedSeq).toBe(2);
      follower.blobs.add(BLOB);
    }
    expect(await settled(cluster, naming)).toBe("open");
    for (const follower of followersOf(cluster, leader)) follower.blobs.add(OTHER);
    expect(await settled(cluster, naming)).toMatchObject({ firstSeq: 3 });
    expect(await settled(cluster, after)).toMatchObject({ firstSeq: 4 });
  });

  // Keeps L26.
  it("are not asked for in a storm while their blob does not come", async () => {
    const cluster = new SimulatedCluster({
      config: {
        batch: { maxRecords: 1, maxBytes: 1000 },
        append: {
          maxEntries: 1,
          maxBytes: 100,
          maxInflightMessages: 4,
          maxInflightBytes: 1000,
        },
      },
    });
    const leader = await cluster.elect();
    const [follower] = followersOf(cluster, leader);
    leader.blobs.add(BLOB);
    const appends = [append(leader, 2, { 0: [BLOB] }), append(leader, 30)];
    await cluster.ticks(20);
    cluster.crash(follower?.id ?? 0);
    cluster.restart(follower?.id ?? 0);
    await cluster.ticks(1);
    const before = follower?.wanted.length ?? 0;
    await cluster.ticks(20);
    // Once a heartbeat or so, as after any loss.
    expect((follower?.wanted.length ?? 0) - before).toBeLessThan(45);
    expect((follower?.wanted.length ?? 0) - before).toBeGreaterThan(0);
    for (const member of followersOf(cluster, leader)) member.blobs.add(BLOB);
    await cluster.ticks(5);
    for (const done of appends) expect(await done).toMatchObject({ duplicate: false });
  });

  // Keeps L26.
  it("fall with their leader when nobody else could get the blob", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    leader.blobs.add(BLOB);
    const lost = append(leader, 1, { 0: [BLOB] });
    expect(await settled(cluster, lost)).toBe("open");
    cluster.crash(leader.id);
    const next = await cluster.elect();
    const done = append(next, 1);
    expect(await settled(cluster, done)).toMatchObject({ firstSeq: 1 });
    cluster.restart(leader.id);
    await cluster.ticks(3);
    const hashes = cluster.members.map(({ store }) =>
      Buffer.from(store.headHash()).toString("hex"),
    );
    expect(new Set(hashes).size).toBe(1);
  });
});
