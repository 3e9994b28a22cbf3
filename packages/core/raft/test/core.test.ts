// Goal: the face that drivers see: tickets, drains, refusals, limits. Method: one core, one call, then what it answers and hands out.
import { describe, expect, test } from "vitest";
import {
  asIndex,
  asMemberId,
  asTerm,
  type Entry,
  type LogIndex,
  type MembershipChange,
  type Term,
} from "../src/types.ts";
import { encodeMembershipChange } from "../src/membershipCodec.ts";
import { type InstallSnapshot, type Message } from "../src/message.ts";
import { type RaftConfig } from "../src/config.ts";
import { type StepOutcome, type StepRefusal } from "../src/outcome.ts";
import {
  ack,
  appendEntries,
  entriesOf,
  entry,
  heartbeat,
  Member,
  membershipOf,
  rejection,
  requestVote,
  voteResponse,
} from "./support/member.ts";

const NOTHING = { index: 0, term: 0 };

function snapshotFor(to: number, index: number, term = 1): InstallSnapshot {
  return {
    kind: "installSnapshot",
    from: asMemberId(2),
    to: asMemberId(to),
    term: asTerm(5),
    snapshot: {
      lastIncludedIndex: asIndex(index),
      lastIncludedTerm: asTerm(term),
      membership: membershipOf([1, 2, 3]),
      data: new Uint8Array(0),
    },
  };
}

function removal(index: number, member: number): Entry {
  const data = encodeMembershipChange(change("remove", member));
  return { index: asIndex(index), term: asTerm(4), kind: "membership", data };
}

function heartbeatResponse(from: number, to: number, term: number): Message {
  return {
    kind: "heartbeatResponse",
    from: asMemberId(from),
    to: asMemberId(to),
    term: asTerm(term),
    readToken: 0,
  };
}

/** `from` still follows member 1, which has asked so with `readToken`. */
function confirmation(from: number, term: number, readToken: number): Message {
  const kind = "heartbeatResponse";
  return { kind, from: asMemberId(from), to: asMemberId(1), term: asTerm(term), readToken };
}

function change(op: "addVoter" | "addLearner" | "remove", member: number): MembershipChange {
  const steps = [{ op, member: asMemberId(member) }];
  return { format: 2, transition: "auto", steps, context: new Uint8Array(0) };
}

describe("tickets", () => {
  // Keeps R39.
  test("are numbered, carry what changed, and are taken back in order only", () => {
    const { core } = new Member(1);
    core.step(requestVote(2, 1, 1, NOTHING));
    const first = core.takeReady().append;
    core.step(appendEntries(2, 1, 1, NOTHING, [entry(1, 1)], 1));
    const second = core.takeReady().append;
    expect(first).toMatchObject({ number: 1, term: 1, lastEntry: undefined, mustSync: true });
    expect(second).toMatchObject({ number: 2, term: 1, lastEntry: { index: 1, term: 1 } });
    expect(() => core.appendDone(second ?? fail())).toThrow(
      /ticket 2 is done, ticket 1 was expected/,
    );
  });

  test("owe no flush when only the commit index changed", () => {
    const member = new Member(1).receive(appendEntries(2, 1, 1, NOTHING, [entry(1, 1)]));
    member.core.step(heartbeat(2, 1, 1, 1));
    expect(member.core.takeReady().append).toMatchObject({ mustSync: false, entries: [] });
  });

  // Keeps R8.
  test("of a leader make it count itself only when they are done", () => {
    const { core } = new Member(1, { voters: [1] });
    core.campaign();
    const vote = core.takeReady().append ?? fail();
    expect(core.role).toBe("candidate");
    core.appendDone(vote);
    expect(core.role).toBe("leader");
    const noop = core.takeReady().append ?? fail();
    expect(core.commitIndex).toBe(0);
    core.appendDone(noop);
    expect(core.commitIndex).toBe(1);
  });

  // Keeps R14.
  test("of an older term say nothing of the log", () => {
    // The same entry comes, goes, and comes again, while all three writes are under way. When the first is done, storage holds the entry
    // for a moment; the second will take it away. Only the third vouches for it.
    const { core, log } = new Member(1);
    const entries = [entry(1, 1, "a")];
    core.step(appendEntries(2, 1, 1, NOTHING, entries));
    const first = core.takeReady().append ?? fail();
    core.step(appendEntries(3, 1, 2, NOTHING, [entry(2, 1, "b")]));
    const second = core.takeReady().append ?? fail();
    core.step(appendEntries(2, 1, 3, NOTHING, entries, 1));
    const third = core.takeReady().append ?? fail();
    for (const ticket of [first, second]) {
      log.write(ticket);
      core.appendDone(ticket);
      expect(core.takeReady().apply).toEqual([]);
    }
    log.write(third);
    core.appendDone(third);
    expect(core.takeReady().apply).toEqual(entries);
  });

  // Keeps R13.
  test("let nothing be applied that is not durable here", () => {
    const { core } = new Member(1);
    core.step(appendEntries(2, 1, 1, NOTHING, [entry(1, 1, "x")], 1));
    expect(core.takeReady().apply).toEqual([]);
    expect(core.commitIndex).toBe(1);
  });
});

describe("drains", () => {
  test("give nothing when nothing happened", () => {
    const { core } = new Member(1);
    expect(core.hasReady()).toBe(false);
    expect(core.takeReady()).toMatchObject({
      soft: undefined,
      messages: [],
      append: undefined,
      apply: [],
    });
  });

  test("tell of a new role and leader once", () => {
    const { core } = new Member(1);
    core.step(heartbeat(2, 1, 1));
    expect(core.takeReady().soft).toEqual({ role: "follower", leader: 2 });
    expect(core.takeReady().soft).toBeUndefined();
  });

  test("hand out traces without being asked for by them", () => {
    const { core } = new Member(4, { voters: [1, 2, 3] });
    core.takeReady();
    core.campaign();
    expect(core.hasReady()).toBe(false);
    expect(core.takeTraces()).toEqual([
      { kind: "campaignRefused", reason: "unpromotable", term: 0 },
    ]);
  });

  // Keeps R37.
  test("keep a bounded number of traces and say how many are missing", () => {
    const { core } = new Member(4, { voters: [1, 2, 3] });
    core.takeTraces();
    for (let i = 0; i < 1_100; i += 1) core.campaign();
    expect(core.takeTraces().at(-1)).toEqual({ kind: "tracesDropped", count: 76 });
  });
});

// Keeps R38.
describe("messages that are refused change nothing", () => {
  const cases: readonly (readonly [string, string, Message])[] = [
    ["of an unknown kind", "malformed", JSON.parse('{"kind":"gossip","from":2,"to":1,"term":9}')],
    ["for somebody else", "notForUs", heartbeat(2, 3, 9)],
    ["from itself", "forgedSender", heartbeat(1, 1, 9)],
    ["from nobody", "forgedSender", heartbeat(0, 1, 9)],
    ["a vote of a stranger", "unknownMember", voteResponse(7, 1, 9, false)],
    ["an ack of a stranger", "unknownMember", ack(7, 1, 9, 1)],
    [
      "entries with a gap",
      "malformed",
      appendEntries(2, 1, 9, NOTHING, [entry(1, 1), entry(1, 3)]),
    ],
    ["entries off their place", "malformed", appendEntries(2, 1, 9, NOTHING, [entry(1, 2)])],
    [
      "entries whose terms fall",
      "malformed",
      appendEntries(2, 1, 9, NOTHING, [entry(2, 1), entry(1, 2)]),
    ],
    [
      "entries of a later term than the leader's",
      "malformed",
      appendEntries(2, 1, 1, NOTHING, [entry(2, 1)]),
    ],
    ["a snapshot of nothing", "malformed", snapshotFor(1, 0)],
    ["a snapshot of a later term than the leader's", "malformed", snapshotFor(1, 5, 6)],
    [
      "no proposals",
      "malformed",
      { kind: "propose", from: asMemberId(2), to: asMemberId(1), term: asTerm(0), entries: [] },
    ],
  ];

  test.each(cases)("%s", (_, reason, message) => {
    const { core } = new Member(1);
    core.takeReady();
    expect(core.step(message)).toEqual({ kind: "refused", reason });
    expect(core.hasReady()).toBe(false);
    expect(core.status()).toMatchObject({ term: 0, role: "follower", leader: 0 });
  });

  test("a proposal that the leader drops", () => {
    const { core } = new Member(1);
    const entries = [{ kind: "records" as const, data: new Uint8Array(1) }];
    const message: Message = {
      kind: "propose",
      from: asMemberId(2),
      to: asMemberId(1),
      term: asTerm(0),
      entries,
    };
    expect(core.step(message)).toEqual({ kind: "refused", reason: "proposalDropped" });
  });

  // Keeps R41.
  test("a membership change that cannot be made after one that is committed and not applied", () => {
    const member = new Member(1, { voters: [2, 3], term: 4 });
    member.receive(appendEntries(2, 1, 4, NOTHING, [removal(1, 3)]));
    member.core.step(heartbeat(2, 1, 4, 1));
    expect(member.core.takeReady().apply).toHaveLength(1);
    const next = (entries: readonly Entry[]): StepOutcome =>
      member.core.step(appendEntries(2, 1, 4, { index: 1, term: 4 }, entries));
    expect(next([removal(2, 2)])).toEqual({ kind: "refused", reason: "badEntry" });
    expect(next([entry(4, 2)])).toEqual({ kind: "ok" });
  });

  // Keeps R16.
  test("a snapshot while what was handed out is not applied", () => {
    const member = new Member(1).receive(appendEntries(2, 1, 1, NOTHING, [entry(1, 1)]));
    member.core.step(heartbeat(2, 1, 1, 1));
    expect(member.core.takeReady().apply).toHaveLength(1);
    expect(member.core.step(snapshotFor(1, 9))).toEqual({ kind: "refused", reason: "applying" });
    member.core.applyDone(asIndex(1));
    expect(member.core.step(snapshotFor(1, 9))).toEqual({ kind: "ok" });
  });
});

// Keeps R41.
describe("a message that cannot be right is refused, and the member goes on", () => {
  const leader = (): Member => new Member(1, { log: entriesOf(1, 1) }).lead(2);
  /** Term 4, entries of terms 1, 2 and 3, of which two are committed. */
  const follower = (config: Partial<RaftConfig> = {}): Member =>
    new Member(1, { log: entriesOf(1, 2, 3), term: 4, commitIndex: 2, config });

  const cases: readonly (readonly [string, StepRefusal, () => Member, Message])[] = [
    ["an ack beyond the leader's end", "answerToNothing", leader, ack(2, 1, 2, 4)],
    [
      "a rejection beyond the leader's end",
      "answerToNothing",
      leader,
      rejection(2, 1, 2, 9, { index: 3, term: 1 }),
    ],
    [
      "a guess at a term that the follower has not entered",
      "malformed",
      leader,
      rejection(2, 1, 2, 2, { index: 1, term: 3 }),
    ],
    ["a commit beyond the end", "commitBeyondEnd", follower, heartbeat(2, 1, 4, 4)],
    [
      "a commit beyond the end, of a new leader",
      "commitBeyondEnd",
      follower,
      heartbeat(2, 1, 5, 4),
    ],
    ["a term out of the blue", "termLeap", follower, requestVote(2, 1, 2 ** 33, NOTHING)],
    [
      "another entry before the committed ones",
      "conflictsWithCommitted",
      follower,
      appendEntries(2, 1, 5, { index: 1, term: 2 }),
    ],
    [
      "another entry just at the commit index",
      "conflictsWithCommitted",
      follower,
      appendEntries(2, 1, 5, { index: 2, term: 5 }),
    ],
    [
      "another entry in the place of a committed one",
      "conflictsWithCommitted",
      follower,
      appendEntries(2, 1, 5, { index: 1, term: 1 }, [entry(4, 2)]),
    ],
    [
      "a membership change that does not parse",
      "badEntry",
      follower,
      appendEntries(2, 1, 4, { index: 3, term: 3 }, [entry(4, 4, "abc", "membership")]),
    ],
    [
      "a membership change that removes everybody",
      "badEntry",
      () => new Member(1, { voters: [2], term: 4 }),
      appendEntries(2, 1, 4, NOTHING, [removal(1, 2)]),
    ],
    [
      "a payload that the replica cannot apply",
      "badEntry",
      () => follower({ acceptable: () => false }),
      appendEntries(2, 1, 4, { index: 3, term: 3 }, [entry(4, 4, "abc")]),
    ],
  ];

  test.each(cases)("%s", (_, reason, make, message) => {
    const member = make().settle();
    const before = member.core.status();
    member.takeSent();
    expect(member.core.step(message)).toEqual({ kind: "refused", reason });
    expect(member.core.hasReady()).toBe(false);
    expect(member.core.status()).toEqual(before);
  });

  // Keeps R46.
  describe("a member that was away while terms were raised", () => {
    const LEAP = 2 ** 32;
    const led = (): Member => {
      const member = new Member(1, { term: 4 });
      member.core.step(heartbeat(2, 1, 4));
      return member;
    };

    test("follows a leader after a few of its messages", () => {
      const member = new Member(1, { term: 1 }).settle();
      const pulse = heartbeat(2, 1, 3 * LEAP);
      const terms: number[] = [];
      while (member.core.status().leader !== 2) {
        member.core.step(pulse);
        terms.push(member.core.status().term);
      }
      expect(terms).toEqual([1 + LEAP, 1 + 2 * LEAP, 3 * LEAP]);
    });

    test.each<[string, () => Member, Message]>([
      ["a stranger", () => new Member(1, { term: 1 }), heartbeat(9, 1, 3 * LEAP)],
      [
        "somebody who asks for a vote",
        () => new Member(1, { term: 1 }),
        requestVote(2, 1, 3 * LEAP, NOTHING),
      ],
      ["somebody else while it has a leader", led, heartbeat(3, 1, 3 * LEAP)],
    ])("is not moved by %s", (_, make, message) => {
      const member = make().settle();
      const before = member.core.status();
      expect(member.core.step(message)).toMatchObject({ kind: "refused" });
      expect(member.core.status()).toEqual(before);
    });
  });

  test("numbers beyond what can be counted on from", () => {
    const { core } = new Member(1);
    const beyond = { ...heartbeat(2, 1, 1), term: (2 ** 52 + 1) as Term };
    expect(core.step(beyond)).toEqual({ kind: "refused", reason: "malformed" });
    expect(() => asTerm(2 ** 52 + 1)).toThrow(RangeError);
    const commit = { ...heartbeat(2, 1, 1), commitIndex: (2 ** 53 - 1) as LogIndex };
    expect(core.step(commit)).toEqual({ kind: "refused", reason: "malformed" });
  });

  test("the replica is asked about entries that are new only, with a view of what is before them", () => {
    const asked: unknown[] = [];
    const acceptable: RaftConfig["acceptable"] = (entries, before) => {
      asked.push(
        entries.map(({ index }) => index),
        before(asIndex(2))?.term,
      );
      return true;
    };
    const member = follower({ acceptable });
    const entries = [entry(3, 3), entry(4, 4), entry(4, 5)];
    member.receive(appendEntries(2, 1, 4, { index: 2, term: 2 }, entries));
    member.receive(appendEntries(2, 1, 4, { index: 2, term: 2 }, entries));
    expect(asked).toEqual([[4, 5], 2]);
    expect(member.core.status().lastIndex).toBe(5);
  });

  test("a rejection of what has matched is old: it costs neither progress nor another message", () => {
    const member = leader();
    member.receive(ack(2, 1, 2, 3));
    member.core.reportUnreachable(asMemberId(2));
    member.settle().tick();
    member.receive({ ...heartbeatResponse(2, 1, 2) });
    member.takeSent();
    member.receive(rejection(2, 1, 2, 3, { index: 2, term: 1 }));
    expect(member.takeSent()).toEqual([]);
    expect(member.core.status().progress.find((one) => one.member === 2)).toMatchObject({
      matchIndex: 3,
      nextIndex: 4,
    });
  });

  test("nobody stands for election when there is no term left", () => {
    const { core } = new Member(1, { voters: [1], term: 2 ** 52 });
    core.campaign();
    expect(core.role).toBe("follower");
  });
});

describe("proposals", () => {
  test("without a leader are dropped, at a follower passed on", () => {
    const member = new Member(1);
    expect(member.propose("x")).toEqual({ kind: "dropped", reason: "noLeader" });
    member.receive(heartbeat(2, 1, 1));
    member.takeSent();
    expect(member.propose("x")).toEqual({ kind: "forwarded" });
    expect(member.takeSent()).toMatchObject([{ kind: "propose", to: 2, term: 0, from: 1 }]);
  });

  test("several at once are neighbours", () => {
    const leader = new Member(1).lead(2);
    const data = new Uint8Array(2);
    const two = [
      { kind: "records" as const, data },
      { kind: "command" as const, data },
    ];
    expect(leader.core.propose(two)).toMatchObject({
      kind: "accepted",
      firstIndex: 2,
      lastIndex: 3,
    });
  });

  // Keeps R35.
  test("beyond the limit on uncommitted bytes are dropped until some are applied", () => {
    const leader = new Member(1, { config: { maxUncommittedBytes: 10 } }).lead(2);
    leader.receive(ack(2, 1, 1, 1));
    expect(leader.propose("12345678").kind).toBe("accepted");
    expect(leader.propose("123")).toEqual({ kind: "dropped", reason: "uncommittedLimit" });
    leader.receive(ack(2, 1, 1, 2));
    expect(leader.propose("123").kind).toBe("accepted");
  });

  test("of a malformed membership change are dropped", () => {
    const leader = new Member(1).lead(2);
    const proposal = { kind: "membership" as const, data: Uint8Array.of(9, 9, 9, 9) };
    expect(leader.core.propose([proposal])).toEqual({ kind: "dropped", reason: "malformed" });
  });

  // Keeps R23.
  test.each([
    { name: "the last voter", voters: [1], what: change("remove", 1), refused: "impossible" },
    { name: "a learner", voters: [1], what: change("addLearner", 2), refused: undefined },
  ])("to change $name", ({ voters, what, refused }) => {
    const leader = new Member(1, { voters }).lead();
    expect(leader.core.proposeMembership(what)).toMatchObject({
      kind: "accepted",
      refusedChange: refused,
    });
    leader.settle();
    expect(leader.core.status().membership.voters).toEqual([1]);
  });

  // Keeps R23.
  test("for a second change while one is pending become empty entries", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    expect(leader.core.proposeMembership(change("addLearner", 4))).toMatchObject({
      refusedChange: undefined,
    });
    expect(leader.core.proposeMembership(change("addLearner", 5))).toMatchObject({
      refusedChange: "pending",
    });
    leader.settle();
    expect(leader.log.all().map(({ kind }) => kind)).toEqual(["noop", "membership", "noop"]);
  });

  test("are taken again when whom the leadership was to go to is no voter any more", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    leader.core.proposeMembership(change("remove", 3));
    leader.settle();
    leader.core.transferLeadership(asMemberId(3));
    expect(leader.propose("x")).toEqual({ kind: "dropped", reason: "transferring" });
    leader.receive(ack(2, 1, 1, 2));
    expect(leader.core.status().membership.voters).toEqual([1, 2]);
    expect(leader.propose("x").kind).toBe("accepted");
  });

  test("a change that is dropped for its size does not stand in the way of the next", () => {
    const leader = new Member(1, { config: { maxUncommittedBytes: 30 } }).lead(2);
    leader.receive(ack(2, 1, 1, 1));
    leader.propose("x".repeat(29));
    expect(leader.core.proposeMembership(change("addLearner", 4))).toMatchObject({
      kind: "dropped",
    });
    leader.receive(ack(2, 1, 1, 2));
    expect(leader.core.proposeMembership(change("addLearner", 4))).toMatchObject({
      refusedChange: undefined,
    });
  });
});

describe("a joint configuration that is left automatically", () => {
  // Keeps R25.
  test("is left by a tick if nothing else is applied after a transfer was given up", () => {
    const leader = new Member(1, { voters: [1, 2] }).lead(2).receive(ack(2, 1, 1, 1));
    const steps = [change("addLearner", 3), change("addLearner", 4)].flatMap((one) => one.steps);
    leader.core.proposeMembership({ ...change("addLearner", 3), steps });
    leader.settle().receive(ack(2, 1, 1, 1));
    leader.core.transferLeadership(asMemberId(2));
    leader.receive(ack(2, 1, 1, 2));
    expect(leader.core.status()).toMatchObject({ membership: { autoLeave: true }, lastIndex: 2 });
    leader.tick(10);
    expect(leader.core.status().lastIndex).toBe(3);
    leader.receive(ack(2, 1, 1, 3));
    expect(leader.core.status().membership).toMatchObject({ votersOutgoing: [], learners: [3, 4] });
  });
});

describe("a joint configuration that is being left", () => {
  // Keeps R25.
  test("is left by one entry, however often there was time to propose another", () => {
    const leader = new Member(1, { voters: [1, 2] }).lead(2).receive(ack(2, 1, 1, 1));
    const steps = [change("addLearner", 3), change("addLearner", 4)].flatMap((one) => one.steps);
    leader.core.proposeMembership({ ...change("addLearner", 3), steps });
    leader.settle().receive(ack(2, 1, 1, 2));
    expect(leader.core.status()).toMatchObject({ membership: { autoLeave: true }, lastIndex: 3 });
    for (let tick = 0; tick < 5; tick++) leader.tick(1).settle();
    expect(leader.core.status().lastIndex).toBe(3);
    leader.receive(ack(2, 1, 1, 3));
    expect(leader.core.status().membership).toMatchObject({ votersOutgoing: [], learners: [3, 4] });
    expect(leader.core.status().lastIndex).toBe(3);
  });
});

describe("reads", () => {
  // Keeps R37.
  test("that wait are bounded", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    for (let context = 1; context <= 16_384; context += 1) leader.core.readIndex(context);
    expect(leader.core.readIndex(0)).toEqual({ kind: "dropped", reason: "tooMany" });
  });

  // Keeps R37.
  test("that wait for the first commit of a term are bounded as well", () => {
    const leader = new Member(1).lead(2);
    for (let context = 1; context <= 16_384; context += 1)
      expect(leader.core.readIndex(context)).toEqual({ kind: "ok" });
    expect(leader.core.readIndex(0)).toEqual({ kind: "dropped", reason: "tooMany" });
    leader.receive(ack(2, 1, 1, 1));
    expect(leader.core.readIndex(0)).toEqual({ kind: "dropped", reason: "tooMany" });
  });

  // Keeps R19.
  test("are not confirmed by a token that was never sent", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    leader.core.readIndex(7);
    const forged = { ...heartbeat(2, 1, 1), kind: "heartbeatResponse" as const, readToken: 99 };
    leader.settle().receive(forged);
    leader.core.readIndex(8);
    leader.settle();
    expect(leader.reads).toEqual([]);
  });

  // Keeps R18, R19.
  test("of a new leadership are confirmed by its own rounds, not by those of an earlier one", () => {
    const leader = new Member(1, { voters: [1, 2, 3, 4, 5] }).lead(2, 3);
    leader.receive(ack(2, 1, 1, 1), ack(3, 1, 1, 1));
    for (const context of [1, 2, 3]) leader.core.readIndex(context);
    leader.settle().receive(confirmation(2, 1, 3), confirmation(3, 1, 3));
    expect(leader.reads.map(({ context }) => context)).toEqual([1, 2, 3]);
    leader.receive(heartbeat(4, 1, 2)).lead(2, 3);
    leader.receive(ack(2, 1, 3, 2), ack(3, 1, 3, 2));
    leader.core.readIndex(4);
    leader.settle().receive(confirmation(5, 3, 1));
    expect(leader.reads.map(({ context }) => context)).toEqual([1, 2, 3]);
    leader.receive(confirmation(3, 3, 1));
    expect(leader.reads.at(-1)).toEqual({ context: 4, index: 2 });
  });
});

function fail(): never {
  throw new Error("nothing was handed out");
}
