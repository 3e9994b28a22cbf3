/**
 * Goal: two histories that cannot both be right stop a log for good, and nothing less than the word of the member itself does. Method: a
 * cluster on simulated disks, of which two are put back to an earlier image; messages by hand.
 */
import { asIndex, asTerm } from "@annals/raft";
import type { Message } from "@annals/raft";
import { SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { describe, expect, it } from "vitest";
import { provesDivergence } from "../src/divergence.ts";
import type { HistoryProof, OwnHistory } from "../src/divergence.ts";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function appended(cluster: SimulatedCluster, value: string): Promise<number> {
  const done = cluster.append([text(value)]);
  await cluster.ticks(3);
  return (await done).firstSeq;
}

/** Three members of which the second and third have forgotten what all three had acknowledged, and have gone on without the first. */
async function forked(): Promise<SimulatedCluster> {
  const cluster = new SimulatedCluster();
  await cluster.elect();
  await appended(cluster, "kept");
  const earlier = [2, 3].map((id) => cluster.member(id).disk.image);
  await appended(cluster, "forgotten");
  // That the one before is committed is written along with this one.
  await appended(cluster, "forgotten, too");
  for (const id of [1, 2, 3]) cluster.crash(id);
  for (const [k, id] of [2, 3].entries()) {
    const image = earlier[k];
    if (image !== undefined) cluster.member(id).disk.putBack(image);
    cluster.restart(id);
  }
  await cluster.elect();
  expect(await appended(cluster, "other")).toBe(2);
  return cluster;
}

function bytesOf({ disk }: SimulatedMember): readonly unknown[] {
  const { stored } = disk.image;
  return Array.from({ length: stored.count }, (_, k) => stored.at(k + 1));
}

// Keeps L39.
describe("a member that comes back to others who have forgotten what they promised", () => {
  it("stops, and so does the leader that lacks what is committed: neither copy changes, nothing is acknowledged", async () => {
    const cluster = await forked();
    const copies = cluster.members.map(bytesOf);
    const { leader } = cluster;
    cluster.restart(1);
    await cluster.ticks(60);
    const first = cluster.member(1);
    expect(first.replica.status().diverged).toMatchObject({
      own: { index: 3 },
      other: { index: 3 },
    });
    expect(leader?.replica.status().diverged?.other.member).toBe(1);
    expect(cluster.leader).toBeUndefined();
    for (const member of [first, leader]) {
      const request = { records: [text("more")], stamp: undefined, timeoutMs: 1000 };
      await expect(member?.replica.append(request)).rejects.toMatchObject({
        code: "ERR_LOG_DIVERGED",
        retryable: false,
      });
      await expect(member?.replica.readBarrier(1000)).rejects.toMatchObject({
        code: "ERR_LOG_DIVERGED",
      });
      expect(member?.replica.appliedSeq).toBe(2);
      expect(member?.failed).toBeUndefined();
    }
    // A leader in between may have added an empty entry.
    const now = cluster.members.map((member, k) => bytesOf(member).slice(0, copies[k]?.length));
    expect(now).toEqual(copies);
  });

  it("still stands still after a restart, and gives no vote", async () => {
    const cluster = await forked();
    cluster.restart(1);
    await cluster.ticks(60);
    const stopped = cluster.members.filter(({ replica }) => replica.status().diverged);
    expect(stopped).toContain(cluster.member(1));
    expect(stopped.length).toBeGreaterThan(1);
    const before = stopped.map(({ disk }) => disk.image.hardState);
    for (const id of [1, 2, 3]) cluster.crash(id);
    for (const id of [1, 2, 3]) cluster.restart(id);
    expect(stopped.map(({ id }) => cluster.member(id).replica.status().diverged)).toEqual(
      stopped.map(({ id }) => cluster.divergences.get(id)),
    );
    await cluster.ticks(200);
    expect(stopped.map(({ disk }) => disk.image.hardState)).toEqual(before);
    expect(cluster.leader).toBeUndefined();
  });

  it("stops only when the other one has told it itself", async () => {
    const cluster = await forked();
    cluster.unreachableForQuestions = true;
    cluster.restart(1);
    await cluster.ticks(60);
    expect(cluster.members.flatMap(({ refusals }) => refusals)).not.toEqual([]);
    expect(cluster.members.map(({ replica }) => replica.status().diverged)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    cluster.unreachableForQuestions = false;
    await cluster.ticks(60);
    expect(cluster.member(1).replica.status().diverged).toBeDefined();
  });
});

// Keeps L39.
it("a forged message about another history is refused and stops nothing", async () => {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  expect(await appended(cluster, "a")).toBe(1);
  const follower = cluster.members.find((member) => member !== leader);
  if (follower === undefined) throw new Error("a cluster of one");
  const { term, lastIndex } = leader.replica.status().raft;
  const hash = new Uint8Array(32);
  const ends = { from: leader.id, to: follower.id, term };
  const back = { from: follower.id, to: leader.id, term };
  const index = asIndex(lastIndex);
  const prev = { prevLogIndex: index, prevLogTerm: term, prevLogHash: hash };
  const toFollower: readonly Message[] = [
    { kind: "appendEntries", ...ends, ...prev, leaderCommit: asIndex(0), entries: [] },
    {
      kind: "appendEntries",
      ...ends,
      term: asTerm(term + 1),
      ...prev,
      prevLogTerm: asTerm(term + 1),
      leaderCommit: asIndex(0),
      entries: [],
    },
    { kind: "heartbeat", ...ends, commitIndex: index, commitHash: hash, readToken: 0 },
  ];
  const toLeader: readonly Message[] = [
    { kind: "heartbeatResponse", ...back, committed: { index, hash }, readToken: 0 },
    {
      kind: "heartbeatResponse",
      ...back,
      committed: { index: asIndex(lastIndex + 9), hash },
      readToken: 0,
    },
  ];
  follower.replica.receive(toFollower);
  leader.replica.receive(toLeader);
  await cluster.settle();
  expect([follower.refusals.length, leader.refusals.length]).toEqual([3, 2]);
  expect(await appended(cluster, "b")).toBe(2);
  expect(cluster.members.map(({ replica }) => replica.status().diverged)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

// Keeps L39.
describe("a proof", () => {
  const mine = new Uint8Array(32).fill(1);
  const theirs = new Uint8Array(32).fill(2);
  const own = (over: Partial<OwnHistory>): OwnHistory => ({
    role: "follower",
    commitIndex: asIndex(5),
    lastIndex: asIndex(9),
    at: { term: asTerm(2), hash: mine },
    ...over,
  });
  const proof = (index: number, term: number, commitIndex: number, leads = 0): HistoryProof => ({
    previousHash: mine,
    entry: {
      index: asIndex(index),
      term: asTerm(term),
      kind: "noop",
      data: new Uint8Array(0),
    },
    commitIndex: asIndex(commitIndex),
    leads: asTerm(leads),
  });
  const absent = { at: undefined, lastIndex: asIndex(4) };

  it.each([
    ["the same entry", own({}), proof(5, 2, 5), mine, false],
    ["another entry of the same term", own({}), proof(7, 2, 0), theirs, true],
    ["two committed entries", own({}), proof(5, 3, 5), theirs, true],
    ["another entry, committed only here", own({}), proof(5, 3, 4), theirs, false],
    ["another entry of a later leader", own({}), proof(5, 3, 4, 3), theirs, true],
    ["another entry of an earlier leader", own({}), proof(5, 1, 4, 2), theirs, false],
    ["another entry, committed only there", own({}), proof(7, 3, 7), theirs, false],
    ["what a leader lacks", own({ role: "leader" }), proof(7, 3, 7), theirs, true],
    ["an entry beyond a follower's end", own(absent), proof(7, 3, 7), theirs, false],
    [
      "an entry beyond a leader's end",
      own({ ...absent, role: "leader" }),
      proof(7, 3, 7),
      theirs,
      true,
    ],
    [
      "one that is not committed",
      own({ ...absent, role: "leader" }),
      proof(7, 3, 6),
      theirs,
      false,
    ],
  ] as const)("%s", (_, here, there, hash, proven) => {
    expect(provesDivergence(here, there, hash)).toBe(proven);
  });
});
