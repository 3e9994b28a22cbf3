/**
 * Goal: one replica keeps its promises over its ports. Method: real replicas on simulated disks, network and clock, moved by hand.
 */
import { BatchView, decodeBatchHeader } from "@annals/record";
import { seededRandom, SimulatedCluster } from "@annals/kit";
import type { SimulatedMember } from "@annals/kit";
import { describe, expect, it } from "vitest";

function record(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function records(count: number, name = "r"): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => record(`${name}${index}`));
}

/** The texts of all records in a member's log, in order. */
function logOf(member: SimulatedMember): string[] {
  const texts: string[] = [];
  for (let index = 1; index <= member.store.lastIndex(); index++) {
    const stored = member.store.storedEntry(index as never);
    if (stored?.entry.kind !== "records") continue;
    const view = new BatchView(stored.entry.data, (body) => body);
    for (let k = 0; k < view.header.count; k++)
      texts.push(new TextDecoder().decode(view.record(k)));
  }
  return texts;
}

async function outcome<T>(promise: Promise<T>): Promise<T | string> {
  return promise.catch((error: { code: string }) => error.code);
}

/** Appends, and flushes that are let through at random times; at every receipt a look at the disk that it speaks of. */
async function expectDurableAfterFlush(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const early: string[] = [];
  let told = 0;
  const cluster: SimulatedCluster = new SimulatedCluster({
    seed,
    autoFlush: false,
    receiptOf: (to, messages) => ({
      stepped: () => {},
      durable: () => {
        told += 1;
        const entries = messages.flatMap((one) =>
          one.kind === "appendEntries" ? one.entries : [],
        );
        const { store, replica } = cluster.member(to);
        const { lastIndex } = replica.status().raft;
        // Taken into the log and not on the disk.
        const open = entries.find(({ index }) => index > store.lastIndex() && index <= lastIndex);
        if (open !== undefined) early.push(`entry ${open.index} of member ${to}`);
      },
    }),
  });
  const flush = (share: number): void => {
    for (const { store } of cluster.members) if (random(share) === 0) store.completeWrite();
  };
  while (cluster.leader === undefined) {
    flush(1);
    await cluster.ticks(1);
  }
  // One leader for the rest of the run, so that no entry is replaced: flushes take less than an election.
  for (let step = 0; step < 300; step++) {
    flush(2);
    if (random(2) === 0) void outcome(cluster.append(records(1 + random(3))));
    await (random(4) === 0 ? cluster.ticks(1) : cluster.settle());
  }
  expect({ seed, early }).toEqual({ seed, early: [] });
  expect(told).toBeGreaterThan(20);
}

describe("appending", () => {
  // Keeps L7.
  it("gives dense seqs and the same bytes and chain on every replica", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    const first = cluster.append(records(3, "a"));
    await cluster.settle();
    const second = cluster.append(records(2, "b"));
    await cluster.settle();
    expect(await first).toMatchObject({ firstSeq: 1, lastSeq: 3, count: 3, duplicate: false });
    expect(await second).toMatchObject({ firstSeq: 4, lastSeq: 5, count: 2 });
    await cluster.ticks(2);
    const hashes = cluster.members.map((member) =>
      Buffer.from(member.store.headHash()).toString("hex"),
    );
    expect(new Set(hashes).size).toBe(1);
    for (const member of cluster.members) {
      expect(logOf(member)).toEqual(["a0", "a1", "a2", "b0", "b1"]);
      expect(member.replica.appliedSeq).toBe(5);
    }
  });

  // Keeps L16.
  it("refuses on a follower, naming the leader, and accepts nothing", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const follower = cluster.members.find((member) => member !== leader);
    await expect(
      follower?.replica.append({ records: records(1), stamp: undefined, timeoutMs: 1000 }),
    ).rejects.toMatchObject({
      code: "ERR_NOT_LEADER",
      retryable: true,
      details: { leader: leader.id },
    });
  });

  // Keeps L25.
  it("works alone", async () => {
    const cluster = new SimulatedCluster({ members: 1 });
    await cluster.elect();
    const done = cluster.append(records(1));
    await cluster.settle();
    expect(await done).toMatchObject({ firstSeq: 1, lastSeq: 1 });
  });

  // Keeps L8.
  it("splits a request over batches and answers when all of it is committed", async () => {
    const cluster = new SimulatedCluster({ config: { batch: { maxRecords: 2, maxBytes: 1000 } } });
    await cluster.elect();
    const done = cluster.append(records(5));
    await cluster.settle();
    expect(await done).toMatchObject({ firstSeq: 1, lastSeq: 5, count: 5 });
    expect(logOf(cluster.member(1))).toEqual(["r0", "r1", "r2", "r3", "r4"]);
  });

  // Keeps L8.
  it("lets a record that alone exceeds the batch's bytes travel alone", async () => {
    const cluster = new SimulatedCluster({ config: { batch: { maxRecords: 100, maxBytes: 4 } } });
    await cluster.elect();
    const done = cluster.append([record("tiny"), record("much too large"), record("end")]);
    await cluster.settle();
    expect(await done).toMatchObject({ firstSeq: 1, lastSeq: 3 });
  });
});

describe("durability", () => {
  /** Ticks and completes flushes until there is a leader, then stops completing. */
  async function electByHand(cluster: SimulatedCluster): Promise<SimulatedMember> {
    for (let round = 0; round < 500; round++) {
      for (const member of cluster.members) member.store.completeWrite();
      await cluster.settle();
      const { leader } = cluster;
      if (leader !== undefined && leader.replica.status().raft.applied > 0) return leader;
      if (round % 5 === 0) await cluster.ticks(1);
    }
    throw new Error("no leader");
  }

  async function flushAll(cluster: SimulatedCluster): Promise<void> {
    for (let round = 0; round < 10; round++) {
      for (const member of cluster.members) member.store.completeWrite();
      await cluster.settle();
    }
  }

  it("says that it takes requests from the moment at which it does", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const seen = new Set<string>();
    for (let round = 0; round < 500 && seen.size < 2; round++) {
      const { leader } = cluster;
      if (leader !== undefined) {
        const { term } = leader.replica.status().raft;
        const said = leader.leaderships.includes(term);
        let answer = "taken";
        void outcome(cluster.append(records(1))).then((code) => {
          if (typeof code === "string") answer = code;
        });
        await cluster.settle();
        seen.add(`${said ? "said so" : "silent"}: ${answer}`);
      }
      for (const member of cluster.members) member.store.completeWrite();
      await cluster.settle();
      if (round % 5 === 0) await cluster.ticks(1);
    }
    expect([...seen]).toEqual(["silent: ERR_NOT_LEADER", "said so: taken"]);
  });

  // Keeps L1.
  it("does not acknowledge before a quorum has flushed, and counts the leader only after its own flush", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const leader = await electByHand(cluster);
    await flushAll(cluster);
    const followers = cluster.members.filter((member) => member !== leader);
    let answered = false;
    const done = cluster.append(records(1)).then((result) => {
      answered = true;
      return result;
    });
    await cluster.settle();
    expect(
      cluster.members.filter((member) => member.store.pendingCycle !== undefined),
    ).toHaveLength(3);
    expect(answered).toBe(false);
    leader.store.completeWrite();
    await cluster.settle();
    expect(answered).toBe(false);
    followers[0]?.store.completeWrite();
    await cluster.settle();
    expect(answered).toBe(true);
    expect(await done).toMatchObject({ firstSeq: 1 });
  });

  // Keeps L2.
  it("commits by the followers' flushes while the leader's own hangs, but answers only what it can read", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const leader = await electByHand(cluster);
    await flushAll(cluster);
    let answered = false;
    void cluster.append(records(1)).then(() => {
      answered = true;
    });
    await cluster.settle();
    for (const member of cluster.members) if (member !== leader) member.store.completeWrite();
    await cluster.settle();
    expect(leader.replica.status().raft.commitIndex).toBe(leader.replica.status().raft.lastIndex);
    expect(answered).toBe(false);
    leader.store.completeWrite();
    await cluster.settle();
    expect(answered).toBe(true);
  });

  // Keeps L22.
  it("gathers what arrives during a flush into one batch", async () => {
    const cluster = new SimulatedCluster({ members: 1, autoFlush: false });
    const leader = await electByHand(cluster);
    await flushAll(cluster);
    const answers = [cluster.append([record("first")])];
    await cluster.settle();
    for (const text of ["a", "b", "c"]) {
      answers.push(cluster.append([record(text)]));
      await cluster.settle();
    }
    await flushAll(cluster);
    const results = await Promise.all(answers);
    expect(results.map((result) => result.firstSeq)).toEqual([1, 2, 3, 4]);
    const batches = [];
    for (let index = 1; index <= leader.store.lastIndex(); index++) {
      const stored = leader.store.storedEntry(index as never);
      if (stored?.entry.kind === "records")
        batches.push(decodeBatchHeader(stored.entry.data).count);
    }
    expect(batches).toEqual([1, 3]);
  });

  // Keeps L4.
  it("stops for good at the first storage error: no vote, no ack, no answer but the error", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const leader = await electByHand(cluster);
    await flushAll(cluster);
    const done = outcome(cluster.append(records(1)));
    await cluster.settle();
    const waiting = outcome(cluster.append(records(1)));
    leader.store.failWrite(new Error("EIO"));
    await cluster.settle();
    expect(leader.failed?.code).toBe("ERR_STORAGE_FAILED");
    expect(await done).toBe("ERR_OUTCOME_UNKNOWN");
    // Never proposed, so it may go to another node.
    expect(await waiting).toBe("ERR_REPLICA_CLOSED");
    await expect(
      leader.replica.append({ records: records(1), stamp: undefined, timeoutMs: 1 }),
    ).rejects.toMatchObject({ code: "ERR_REPLICA_CLOSED" });
  });

  // Keeps L6.
  it("falls silent while a flush hangs for longer than an election, so that others take over", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const leader = await electByHand(cluster);
    await flushAll(cluster);
    void outcome(cluster.append(records(1)));
    await cluster.settle();
    for (let tick = 0; tick < 100; tick++) {
      await cluster.ticks(1);
      for (const member of cluster.members) if (member !== leader) member.store.completeWrite();
      await cluster.settle();
    }
    expect(leader.replica.status().stalled).toBe(true);
    const others = cluster.members.filter((member) => member !== leader);
    expect(others.some((member) => member.replica.role === "leader")).toBe(true);
  });
});

describe("exactly once", () => {
  const stamp = (sequence: number, epoch = 1) => ({ id: "p", epoch, sequence });

  // Keeps L11.
  it("answers a repeat as the first time, also by another leader and after restarts", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const first = cluster.append(records(2), stamp(1));
    await cluster.settle();
    expect(await first).toMatchObject({ firstSeq: 1, lastSeq: 2, duplicate: false });
    expect(await cluster.append(records(2), stamp(1))).toMatchObject({
      firstSeq: 1,
      duplicate: true,
    });
    await cluster.ticks(2);
    cluster.crash(leader.id);
    const second = await cluster.elect();
    expect(second.id).not.toBe(leader.id);
    expect(await cluster.append(records(2), stamp(1))).toMatchObject({
      firstSeq: 1,
      duplicate: true,
    });
    cluster.restart(leader.id);
    await cluster.ticks(5);
    cluster.crash(second.id);
    await cluster.elect();
    expect(await cluster.append(records(2), stamp(1))).toMatchObject({
      firstSeq: 1,
      duplicate: true,
    });
    expect(logOf(cluster.members.find((member) => member.up) as SimulatedMember)).toEqual([
      "r0",
      "r1",
    ]);
  });

  // Keeps L11.
  it("lets a repeat wait for the answer of the request that is still under way", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    const both = [cluster.append(records(1), stamp(1)), cluster.append(records(1), stamp(1))];
    await cluster.settle();
    expect(await Promise.all(both)).toMatchObject([{ firstSeq: 1 }, { firstSeq: 1 }]);
    expect(logOf(cluster.member(1))).toEqual(["r0"]);
  });

  // Keeps L12.
  it("takes pipelined requests in order and refuses a gap, an old epoch and an unknown producer", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    const three = [1, 2, 3].map((sequence) =>
      cluster.append(records(1, `s${sequence}-`), stamp(sequence)),
    );
    expect(await outcome(cluster.append(records(1), stamp(5)))).toBe("ERR_PRODUCER_GAP");
    await cluster.settle();
    expect((await Promise.all(three)).map((result) => result.firstSeq)).toEqual([1, 2, 3]);
    expect(await outcome(cluster.append(records(1), { id: "q", epoch: 1, sequence: 7 }))).toBe(
      "ERR_PRODUCER_UNKNOWN",
    );
    const next = cluster.append(records(1), stamp(1, 2));
    await cluster.settle();
    expect(await next).toMatchObject({ firstSeq: 4 });
    expect(await outcome(cluster.append(records(1), stamp(4, 1)))).toBe("ERR_PRODUCER_FENCED");
  });

  // Keeps L37.
  it("refuses other records under a number that was used, under way and answered, and stores nothing of them", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    const first = cluster.append(records(2), stamp(1));
    expect(await outcome(cluster.append(records(2, "other"), stamp(1)))).toBe(
      "ERR_PRODUCER_CONFLICT",
    );
    await cluster.settle();
    expect(await first).toMatchObject({ firstSeq: 1, count: 2 });
    for (const others of [records(2, "other"), records(1), records(3)])
      expect(await outcome(cluster.append(others, stamp(1)))).toBe("ERR_PRODUCER_CONFLICT");
    expect(await cluster.append(records(2), stamp(1))).toMatchObject({ duplicate: true });
    expect(logOf(cluster.member(1))).toEqual(["r0", "r1"]);
  });

  // Keeps L13.
  it("refuses a repeat that is too old to be recognised", async () => {
    const cluster = new SimulatedCluster({ members: 1 });
    await cluster.elect();
    for (let sequence = 1; sequence <= 40; sequence++) {
      void cluster.append(records(1), stamp(sequence));
      await cluster.settle();
    }
    expect(await outcome(cluster.append(records(1), stamp(3)))).toBe("ERR_PRODUCER_EXPIRED");
    expect(await cluster.append(records(1), stamp(40))).toMatchObject({
      firstSeq: 40,
      duplicate: true,
    });
  });

  // Keeps L15.
  it("forgets the producer that was silent longest at the cap", async () => {
    const cluster = new SimulatedCluster({ members: 1, config: { maxProducers: 1 } });
    const leader = await cluster.elect();
    for (const id of ["a", "b"]) {
      void cluster.append(records(1), { id, epoch: 1, sequence: 1 });
      await cluster.settle();
    }
    expect(leader.replica.producers.get("a")).toBeUndefined();
    expect(await outcome(cluster.append(records(1), { id: "a", epoch: 1, sequence: 2 }))).toBe(
      "ERR_PRODUCER_FORGOTTEN",
    );
  });

  // Keeps L35.
  it("refuses what a forgotten producer sends again, and takes it in an epoch above the floor", async () => {
    const cluster = new SimulatedCluster({ config: { maxProducers: 1 } });
    const leader = await cluster.elect();
    const send = async (id: string, epoch: number, sequence: number): Promise<string> => {
      const answer = outcome(cluster.append(records(1), { id, epoch, sequence }));
      await cluster.settle();
      return answer.then((result) => (typeof result === "string" ? result : "ok"));
    };
    expect(await send("a", 3, 1)).toBe("ok");
    expect(await send("b", 1, 1)).toBe("ok");
    expect(await send("a", 3, 1)).toBe("ERR_PRODUCER_FORGOTTEN");
    await cluster.ticks(2);
    cluster.crash(leader.id);
    const next = await cluster.elect();
    expect(await send("a", 3, 1)).toBe("ERR_PRODUCER_FORGOTTEN");
    expect(await send("c", 3, 1)).toBe("ERR_PRODUCER_FORGOTTEN");
    expect(await send("c", 4 + 2 ** 42, 1)).toBe("ERR_PRODUCER_EPOCH_TOO_HIGH");
    expect(next.replica.producers.nextEpoch("a")).toBe(4);
    expect(await send("a", 4, 1)).toBe("ok");
    expect(logOf(next)).toEqual(["r0", "r0", "r0"]);
  });

  // Keeps L14.
  it("finishes a split request that a change of leader cut, instead of storing its head twice", async () => {
    const cluster = new SimulatedCluster({
      config: { batch: { maxRecords: 2, maxBytes: 1000 }, maxUncommittedBytes: 5 },
    });
    const leader = await cluster.elect();
    // Two records fill the uncommitted limit: the first part is replicated, the leader is lost before the second is proposed.
    void outcome(cluster.append(records(4), stamp(1)));
    let cut = false;
    for (let round = 0; round < 50 && !cut; round++) {
      await Promise.resolve();
      cut = leader.store.lastIndex() >= 2;
    }
    await cluster.settle();
    const before = logOf(leader).length;
    cluster.crash(leader.id);
    await cluster.elect();
    const retried = cluster.append(records(4), stamp(1));
    await cluster.settle();
    await cluster.ticks(2);
    expect(await retried).toMatchObject({ firstSeq: 1, count: 4 });
    expect(before).toBeGreaterThan(0);
    expect(logOf(cluster.leader as SimulatedMember)).toEqual(["r0", "r1", "r2", "r3"]);
  });
});

describe("bounds", () => {
  // Keeps L21.
  it("refuses beyond maxPendingBytes, at its smallest legal value, and takes more once answered", async () => {
    const cluster = new SimulatedCluster({ config: { maxPendingBytes: 1 } });
    const leader = await cluster.elect();
    const first = cluster.append(records(1));
    expect(await outcome(cluster.append(records(1)))).toBe("ERR_OVERLOADED");
    await cluster.settle();
    await first;
    const again = cluster.append(records(1));
    await cluster.settle();
    expect(await again).toMatchObject({ firstSeq: 2 });
    expect(leader.replica.status().pendingBytes.current).toBe(0);
  });
});

describe("a quorum that does not follow", () => {
  it("is what is refused for, when the core takes no more and all that may wait does", async () => {
    const config = { maxPendingBytes: 6, maxUncommittedBytes: 1 };
    const cluster = new SimulatedCluster({ config });
    const leader = await cluster.elect();
    for (const other of cluster.members) if (other !== leader) cluster.crash(other.id);
    // The first one is proposed, the others find no room in the core.
    const answers: ReturnType<typeof outcome>[] = [];
    for (let k = 0; k < 4; k++) {
      answers.push(outcome(cluster.append(records(1))));
      await cluster.settle();
    }
    expect(await answers[3]).toBe("ERR_UNCOMMITTED_FULL");
  });
});

describe("a lost quorum", () => {
  // Keeps L17, L24.
  it("answers appends as unknown, acknowledges nothing, and serves again when one comes back", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const others = cluster.members.filter((member) => member !== leader);
    for (const other of others) cluster.crash(other.id);
    const lost = outcome(
      leader.replica.append({ records: records(1, "x"), stamp: undefined, timeoutMs: 500 }),
    );
    await cluster.ticks(30);
    expect(await lost).toBe("ERR_OUTCOME_UNKNOWN");
    expect(leader.replica.role).not.toBe("leader");
    cluster.restart(others[0]?.id ?? 0);
    await cluster.elect();
    const done = cluster.append(records(1, "y"));
    await cluster.settle();
    await done;
    const log = logOf(cluster.leader as SimulatedMember);
    expect(log.at(-1)).toBe("y0");
    expect(log.filter((text) => text === "x0").length).toBeLessThanOrEqual(1);
  });

  // Keeps L36.
  it("elects another leader without a wait when all others know that the leader is gone, and none when one believes so", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const [one, other] = cluster.members.filter((member) => member !== leader);
    one?.replica.reportUnreachable(leader.id, true);
    await cluster.settle();
    one?.replica.campaign();
    await cluster.settle();
    expect(leader.replica.role).toBe("leader");
    await cluster.ticks(2);
    expect(one?.replica.leader).toBe(leader.id);
    cluster.crash(leader.id);
    for (const { replica } of [one, other].filter((member) => member !== undefined))
      replica.reportUnreachable(leader.id, true);
    await cluster.settle();
    one?.replica.campaign();
    await cluster.settle();
    expect(one?.replica.role).toBe("leader");
  });

  // Keeps L16.
  it("drops what an isolated leader had taken, and says so", async () => {
    const cluster = new SimulatedCluster();
    const old = await cluster.elect();
    cluster.isolate(old.id);
    const lost = outcome(
      old.replica.append({ records: records(1, "lost"), stamp: undefined, timeoutMs: 60_000 }),
    );
    await cluster.ticks(40);
    const leader = cluster.leader as SimulatedMember;
    expect(leader.id).not.toBe(old.id);
    const kept = cluster.append(records(1, "kept"));
    await cluster.settle();
    await kept;
    cluster.heal();
    await cluster.ticks(10);
    expect(await lost).toBe("ERR_NOT_LEADER");
    expect(old.replica.status().pendingBytes.current).toBe(0);
    for (const member of cluster.members) expect(logOf(member)).toEqual(["kept0"]);
  });
});

describe("reads", () => {
  // Keeps L19.
  it("confirm through a quorum, on the leader and on a follower", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    void cluster.append(records(1));
    await cluster.settle();
    const reads = cluster.members.map(async (member) => {
      await member.replica.readBarrier(1000);
      return member.replica.appliedSeq;
    });
    await cluster.ticks(3);
    expect(await Promise.all(reads)).toEqual([1, 1, 1]);
  });

  // Keeps L19.
  it("time out on an isolated leader instead of answering from a stale log", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    cluster.isolate(leader.id);
    const read = outcome(leader.replica.readBarrier(500));
    await cluster.ticks(12);
    expect(await read).toBe("ERR_NO_QUORUM");
  });

  // Keeps L20.
  it("wake those who wait for a record, by the record or by the deadline", async () => {
    const cluster = new SimulatedCluster({ members: 1 });
    const leader = await cluster.elect();
    const byRecord = leader.replica
      .waitForSeq(1 as never, 60_000)
      .then(() => leader.replica.appliedSeq);
    const byDeadline = leader.replica
      .waitForSeq(99 as never, 300)
      .then(() => leader.replica.appliedSeq);
    void cluster.append(records(1));
    await cluster.settle();
    expect(await byRecord).toBe(1);
    await cluster.ticks(4);
    expect(await byDeadline).toBe(1);
  });
});

describe("restart", () => {
  // Keeps L24.
  it("brings a follower that was away up to date", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const away = cluster.members.find((member) => member !== leader)?.id ?? 0;
    cluster.crash(away);
    for (let round = 0; round < 50; round++) {
      void cluster.append(records(3, `round${round}-`));
      await cluster.settle();
    }
    cluster.restart(away);
    await cluster.ticks(10);
    expect(logOf(cluster.member(away))).toEqual(logOf(leader));
    expect(cluster.member(away).replica.appliedSeq).toBe(150);
  });

  // Keeps L3.
  it("keeps every acknowledged record when all crash at once", async () => {
    const cluster = new SimulatedCluster();
    await cluster.elect();
    for (let round = 0; round < 10; round++) {
      void cluster.append(records(2, `${round}-`));
      await cluster.settle();
    }
    for (const { id } of cluster.members) cluster.crash(id);
    for (const { id } of cluster.members) cluster.restart(id);
    const leader = await cluster.elect();
    expect(leader.replica.appliedSeq).toBe(20);
    expect(logOf(leader)).toHaveLength(20);
  });

  // Keeps L9.
  it("hands commands out in order on every replica", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const index = leader.replica.command(record("create"));
    await cluster.settle();
    await cluster.ticks(1);
    for (const member of cluster.members) {
      expect(member.commands).toEqual([{ index: await index, data: record("create") }]);
    }
  });
});

describe("transfer", () => {
  // Keeps L10.
  it("makes a follower lead without a gap in what is acknowledged", async () => {
    const cluster = new SimulatedCluster();
    const leader = await cluster.elect();
    const target = leader.replica.transferLeadership();
    await cluster.ticks(2);
    expect(cluster.leader?.id).toBe(target);
    const done = cluster.append(records(1));
    await cluster.settle();
    expect(await done).toMatchObject({ firstSeq: 1 });
  });
});

describe("a leader that steps down", () => {
  // Keeps L18.
  it("still answers what it had proposed, once the new leader's log decides", async () => {
    const cluster = new SimulatedCluster({ autoFlush: false });
    const flush = async () => {
      for (let round = 0; round < 10; round++) {
        for (const member of cluster.members) member.store.completeWrite();
        await cluster.settle();
      }
    };
    while (cluster.leader === undefined || cluster.leader.replica.status().raft.applied === 0) {
      await cluster.ticks(1);
      await flush();
    }
    const { leader } = cluster;
    const done = cluster.append(records(1));
    await cluster.settle();
    const target = leader.replica.transferLeadership();
    await cluster.settle();
    await flush();
    await cluster.ticks(1);
    await flush();
    expect(cluster.leader?.id).toBe(target);
    expect(await done).toMatchObject({ firstSeq: 1, count: 1, duplicate: false });
    expect(leader.replica.status().pendingBytes.current).toBe(0);
  });
});

describe("close", () => {
  it("closes the store also when a full disk refuses the last write, and may be called twice", async () => {
    const cluster = new SimulatedCluster({ members: 1, autoFlush: false });
    const { replica, store } = cluster.member(1);
    while (replica.status().raft.applied === 0) {
      await cluster.ticks(1);
      store.completeWrite();
      await cluster.settle();
    }
    const closed = outcome(replica.close());
    await cluster.settle();
    expect(store.refuseWrite()).toBe(true);
    expect(await closed).toBe("ERR_DISK_FULL");
    expect(() => store.lastIndex()).toThrowError(
      expect.objectContaining({ code: "ERR_STORAGE_CLOSED" }),
    );
    await replica.close();
  });
});

describe("receipts", () => {
  // Keeps L23.
  it("say durable when the flush of what the frame has brought is done, and not before", async () => {
    for (let seed = 1; seed <= 20; seed++) await expectDurableAfterFlush(seed);
  });

  // Keeps L23.
  it("are stepped and durable exactly once, in this order, also when the replica closes", async () => {
    const cluster = new SimulatedCluster({ members: 1 });
    const leader = await cluster.elect();
    const calls: string[] = [];
    const receipt = (name: string) => ({
      stepped: () => void calls.push(`${name} stepped`),
      durable: () => void calls.push(`${name} durable`),
    });
    leader.replica.receive([], receipt("a"));
    await cluster.settle();
    leader.replica.receive([], receipt("b"));
    await leader.replica.close();
    await cluster.settle();
    leader.replica.receive([], receipt("c"));
    await cluster.settle();
    expect(calls).toEqual([
      "a stepped",
      "a durable",
      "b stepped",
      "b durable",
      "c stepped",
      "c durable",
    ]);
  });
});
