/**
 * Goal: nothing that a peer says can stop a replica, or get into its log what cannot be applied. Method: a real follower and leader on
 * simulated disks, network and clock, and messages by hand.
 */
import { asIndex, asMemberId, asTerm, encodeMembershipChange } from "@annals/raft";
import type { Entry, EntryKind, MemberId, Message } from "@annals/raft";
import { asSeq, encodeBatch } from "@annals/record";
import { SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { describe, expect, it } from "vitest";

interface Scene {
  readonly leader: SimulatedMember;
  readonly follower: SimulatedMember;
  /** The term, and the end of both logs: two records in two entries behind the empty one. */
  readonly term: number;
  readonly last: number;
  /** The chain hash there. */
  readonly head: Uint8Array;
}

const EMPTY = new Uint8Array(0);

function batch(firstSeq: number): Uint8Array {
  const requests = [{ count: 1, producer: undefined }];
  return encodeBatch({ firstSeq: asSeq(firstSeq), count: 1, recordedAt: 1, requests }, [EMPTY]);
}

function envelope({ leader, follower, term }: Scene): {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Message["term"];
} {
  return { from: leader.id, to: follower.id, term: asTerm(term) };
}

/** Entries behind the end of the log, each of one kind. */
function append(...added: readonly (readonly [EntryKind, Uint8Array])[]) {
  return (scene: Scene): Message => ({
    kind: "appendEntries",
    ...envelope(scene),
    prevLogIndex: asIndex(scene.last),
    prevLogTerm: asTerm(scene.term),
    prevLogHash: scene.head,
    leaderCommit: asIndex(0),
    entries: added.map(([kind, data], k): Entry => {
      return { index: asIndex(scene.last + 1 + k), term: asTerm(scene.term), kind, data };
    }),
  });
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const NEVER: readonly { readonly what: string; readonly make: (scene: Scene) => Message }[] = (
  [
    ["three bytes as a batch", append(["records", Uint8Array.of(1, 2, 3)])],
    ["a batch that names blobs and is cut off", append(["records", Uint8Array.of(2, 0, 0)])],
    ["a batch that leaves a gap of seqs", append(["records", batch(9)])],
    ["a batch that repeats seqs", append(["records", batch(3)], ["records", batch(3)])],
    ["an empty entry with bytes", append(["noop", text("x")])],
    ["a command of groups that does not parse", append(["command", text('[1,"create"]')])],
    [
      "a group of more lanes than may be",
      append(["command", text('[1,"create","g","",999999,0]')]),
    ],
    ["half a membership change", append(["membership", Uint8Array.of(1, 0)])],
    [
      "a commit index beyond the log",
      (scene) => ({
        kind: "heartbeat",
        ...envelope(scene),
        commitIndex: asIndex(1_000_000),
        commitHash: scene.head,
        readToken: 0,
      }),
    ],
    [
      "another hash at the end of the log",
      (scene) => ({ ...append()(scene), prevLogHash: new Uint8Array(32) }),
    ],
    ["no hash at all", (scene) => ({ ...append()(scene), prevLogHash: undefined })],
    [
      "another entry in the place of one of the same term",
      (scene) => ({
        ...append()(scene),
        prevLogIndex: asIndex(scene.last - 1),
        prevLogHash: scene.follower.store.hashAt(asIndex(scene.last - 1)),
        entries: [
          { index: asIndex(scene.last), term: asTerm(scene.term), kind: "noop", data: EMPTY },
        ],
      }),
    ],
    [
      "another hash at the commit index",
      (scene) => ({
        kind: "heartbeat",
        ...envelope(scene),
        commitIndex: asIndex(scene.last),
        commitHash: new Uint8Array(32),
        readToken: 0,
      }),
    ],
    [
      "a vote in a term that nobody can have come to",
      (scene) => ({
        kind: "requestVote",
        ...envelope(scene),
        term: asTerm(2 ** 52),
        lastLogIndex: asIndex(1_000_000),
        lastLogTerm: asTerm(2 ** 52),
        transfer: true,
      }),
    ],
    [
      "a snapshot",
      (scene) => ({
        kind: "installSnapshot",
        ...envelope(scene),
        snapshot: {
          lastIncludedIndex: asIndex(1000),
          lastIncludedTerm: asTerm(scene.term),
          membership: scene.follower.replica.status().raft.membership,
          data: EMPTY,
        },
      }),
    ],
    [
      "proposals",
      (scene) => ({
        kind: "propose",
        ...envelope(scene),
        entries: [{ kind: "records", data: batch(3) }],
      }),
    ],
    [
      "a wish for another leader",
      (scene) => ({
        kind: "transferLeadership",
        ...envelope(scene),
        transferee: scene.follower.id,
      }),
    ],
  ] as const satisfies readonly (readonly [string, (scene: Scene) => Message])[]
).map(([what, make]) => ({ what, make }));

async function scene(): Promise<{ readonly cluster: SimulatedCluster; readonly at: Scene }> {
  const cluster = new SimulatedCluster();
  const leader = await cluster.elect();
  for (const value of ["a", "b"]) {
    const done = cluster.append([text(value)]);
    await cluster.settle();
    await done;
  }
  await cluster.ticks(3);
  const follower = cluster.members.find((member) => member !== leader);
  if (follower === undefined) throw new Error("a cluster of one");
  const { raft, headHash: head } = leader.replica.status();
  return { cluster, at: { leader, follower, term: raft.term, last: raft.lastIndex, head } };
}

/** The replica has failed or not, what its log holds, and whether the cluster still takes records. */
async function expectUnmoved(cluster: SimulatedCluster, { follower, last }: Scene): Promise<void> {
  await cluster.settle();
  expect(cluster.members.map(({ failed }) => failed)).toEqual([undefined, undefined, undefined]);
  expect(follower.store.lastIndex()).toBe(last);
  const more = cluster.append([text("c")]);
  await cluster.ticks(5);
  expect(await more).toMatchObject({ firstSeq: 3 });
  expect(follower.replica.appliedSeq).toBe(3);
}

describe("a message that cannot be right", () => {
  // Keeps L38.
  it.each(NEVER)(
    "is refused, told and counted, and the replica goes on: $what",
    async ({ make }) => {
      const { cluster, at } = await scene();
      at.follower.replica.receive([make(at)]);
      await cluster.settle();
      expect(at.follower.refusals).toHaveLength(1);
      expect(at.follower.refusals[0]?.from).toBe(at.leader.id);
      expect(at.follower.replica.status().refusedMessages).toBe(1);
      await expectUnmoved(cluster, at);
    },
  );

  // Keeps L38.
  it("acknowledges what was never sent: it is refused, told and counted, and the leader goes on", async () => {
    const { cluster, at } = await scene();
    const { leader, follower } = at;
    cluster.isolate(leader.id);
    const lone = cluster.append([text("c")]);
    const answer: Message = {
      kind: "appendEntriesResponse",
      ...envelope(at),
      from: follower.id,
      to: leader.id,
      index: asIndex(at.last + 1000),
      rejected: false,
      hintIndex: asIndex(0),
      hintTerm: asTerm(0),
    };
    leader.replica.receive([answer]);
    await cluster.settle();
    expect(leader.refusals.map(({ from }) => from)).toEqual([follower.id]);
    expect(leader.replica.appliedSeq).toBe(2);
    cluster.heal();
    await cluster.ticks(5);
    expect(await lone).toMatchObject({ firstSeq: 3 });
  });

  // Keeps L38.
  it("speaks for another member than the link's: it is refused, told and counted", async () => {
    const { cluster, at } = await scene();
    const stranger = asMemberId(99);
    at.follower.replica.receive([append(["noop", EMPTY])(at)], undefined, stranger);
    await cluster.settle();
    expect(at.follower.refusals.map(({ from }) => from)).toEqual([stranger]);
    await expectUnmoved(cluster, at);
  });
});

describe("what members that keep to the protocol may say", () => {
  it("is not refused: a membership change, and a question that comes back to whoever asked it", async () => {
    const { cluster, at } = await scene();
    const { leader, follower } = at;
    const change = { format: 2, transition: "auto", context: EMPTY } as const;
    const steps = [{ op: "update", member: follower.id }] as const;
    const membership = encodeMembershipChange({ ...change, steps });
    follower.replica.receive([append(["membership", membership])(at)]);
    follower.replica.receive(
      [{ kind: "readIndex", from: follower.id, to: follower.id, term: asTerm(0), context: 1 }],
      undefined,
      leader.id,
    );
    await cluster.settle();
    expect(follower.refusals).toEqual([]);
    expect(follower.store.lastIndex()).toBe(at.last + 1);
  });
});
