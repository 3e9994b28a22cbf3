// Goal: a member whose disk went back to an earlier state neither gives nor asks for votes that could lose what it acknowledged. Method: one
// core on a short log, and the answers of peers to the question that it asks at its start.
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId, asTerm } from "../src/types.ts";
import type { EntryId } from "../src/types.ts";
import type { Message, RecoveryResponse } from "../src/message.ts";
import {
  ack,
  appendEntries,
  entriesOf,
  Member,
  requestVote,
  voteResponse,
} from "./support/member.ts";

const RECOVERS = { config: { recovers: true } };
const at = (term: number, index: number): EntryId => ({
  term: asTerm(term),
  index: asIndex(index),
});
const NEVER = { term: asTerm(0), index: asIndex(0), entry: at(0, 0) };

interface Memory {
  readonly term: number;
  readonly last: EntryId;
  readonly committed?: EntryId;
  readonly acknowledged?: RecoveryResponse["acknowledged"];
}

function questionOf(member: Member): Extract<Message, { kind: "recovery" }> {
  const question = member.takeSent().find((message) => message.kind === "recovery");
  if (question?.kind !== "recovery") throw new Error("nothing was asked");
  return question;
}

function answer(from: number, context: number, memory: Memory): RecoveryResponse {
  return {
    kind: "recoveryResponse",
    from: asMemberId(from),
    to: asMemberId(1),
    term: asTerm(memory.term),
    context,
    last: memory.last,
    committed: memory.committed ?? at(0, 0),
    acknowledged: memory.acknowledged ?? NEVER,
  };
}

const vote = (term: number, last: EntryId): Message => requestVote(2, 1, term, last);

// Keeps R43.
describe("a member that starts", () => {
  test("asks every other voter, and says where its log ends", () => {
    const member = new Member(1, { ...RECOVERS, log: entriesOf(1, 2) }).settle();
    expect(member.takeSent()).toMatchObject([
      { kind: "recovery", to: 2, lastLogIndex: 2, lastLogTerm: 2 },
      { kind: "recovery", to: 3, lastLogIndex: 2, lastLogTerm: 2 },
    ]);
  });

  test("asks nobody where it is alone, and stands at once", () => {
    const member = new Member(1, { ...RECOVERS, voters: [1] }).settle();
    expect(member.takeSent()).toEqual([]);
    member.core.campaign();
    expect(member.settle().core.status().role).toBe("leader");
  });

  test("gives no vote and does not stand until all have answered", () => {
    const member = new Member(1, { ...RECOVERS, log: entriesOf(1) }).settle();
    const { context } = questionOf(member);
    member.receive(vote(2, at(1, 5)));
    member.core.campaign();
    member.receive(answer(2, context, { term: 1, last: at(1, 1) }));
    member.receive(vote(3, at(1, 5)));
    expect(member.takeSent()).toMatchObject([
      { kind: "requestVoteResponse", rejected: true },
      { kind: "requestVoteResponse", rejected: true },
    ]);
    expect(member.core.status().recovery).toMatchObject({ silent: [3], waits: true });
    member.receive(answer(3, context, { term: 1, last: at(1, 1) }), vote(4, at(1, 5)));
    expect(member.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected: false }]);
  });

  test("goes on when an election timeout is over, and repeats its question meanwhile", () => {
    const member = new Member(1, { ...RECOVERS, log: entriesOf(1) }).settle();
    questionOf(member);
    member.tick(1);
    expect(member.takeSent()).toMatchObject([{ kind: "recovery" }, { kind: "recovery" }]);
    member.tick(9);
    expect(member.core.status()).toMatchObject({ role: "candidate", recovery: { waits: false } });
    member.takeSent();
    member.receive(vote(3, at(1, 1)));
    expect(member.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected: false }]);
  });

  test("on a disk on which nothing was ever written waits for a quorum only", () => {
    const member = new Member(1, RECOVERS).settle();
    const { context } = questionOf(member);
    member.receive(answer(2, context, { term: 0, last: at(0, 0) }), vote(1, at(0, 0)));
    expect(member.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected: false }]);
  });

  test("leaves an answer to an earlier life alone", () => {
    const member = new Member(1, { ...RECOVERS, log: entriesOf(1) }).settle();
    member.receive(answer(2, 77, { term: 9, last: at(9, 9) }));
    expect(member.core.status()).toMatchObject({ term: 1, recovery: { silent: [2, 3] } });
  });
});

// Keeps R44.
describe("what the others remember", () => {
  const acknowledged = { term: asTerm(2), index: asIndex(4), entry: at(2, 4) };

  function restarted(memory: Memory, log = entriesOf(1, 2), ticks = 40): Member {
    const member = new Member(1, { ...RECOVERS, log }).settle();
    const { context } = questionOf(member);
    member.receive(
      answer(2, context, memory),
      answer(3, context, { term: memory.term, last: at(0, 0) }),
    );
    // Far beyond the time in which long logs are preferred.
    for (let tick = 0; tick < ticks; tick++) member.core.tick();
    member.settle().takeSent();
    return member;
  }

  test("shows that the disk is an older copy, until the log is back", () => {
    const member = restarted({ term: 2, last: at(2, 4), acknowledged }, undefined, 0);
    expect(member.core.status().recovery?.rolledBack).toEqual({
      member: 2,
      term: 2,
      acknowledgedIndex: 4,
      lastIndex: 2,
    });
    const [, , ...lost] = entriesOf(1, 2, 2, 2);
    member.receive(appendEntries(2, 1, 2, at(2, 2), lost));
    expect(member.core.status().recovery).toMatchObject({
      rolledBack: undefined,
      lacks: undefined,
    });
  });

  test.each([
    ["what it acknowledged", { term: 2, last: at(2, 4), acknowledged }],
    ["what is committed", { term: 2, last: at(2, 4), committed: at(2, 4) }],
  ])("denies the vote to a log without %s, and the own one", (_what, memory) => {
    const member = restarted(memory);
    expect(member.core.status().role).toBe("follower");
    member.receive(vote(9, at(2, 3)));
    expect(member.takeSent()).toMatchObject([{ rejected: true }]);
    member.receive(vote(10, at(2, 4)));
    expect(member.takeSent()).toMatchObject([{ rejected: false }]);
  });

  test("denies the vote for a while to a log shorter than that of a peer", () => {
    const memory = { term: 2, last: at(2, 4) };
    const early = restarted(memory, undefined, 0);
    early.receive(vote(9, at(2, 3)));
    expect(early.takeSent()).toMatchObject([{ rejected: true }]);
    const late = restarted(memory, undefined, 40);
    late.receive(vote(9, at(2, 3)));
    expect(late.takeSent()).toMatchObject([{ rejected: false }]);
  });

  test("denies the vote in a term in which it may have voted", () => {
    const member = restarted({ term: 5, last: at(2, 2) }, undefined, 0);
    member.receive(vote(5, at(2, 4)));
    expect(member.takeSent()).toMatchObject([{ rejected: true }]);
    member.receive(vote(6, at(2, 4)));
    expect(member.takeSent()).toMatchObject([{ rejected: false }]);
  });

  test.each([
    ["first", [2, 3]],
    ["last", [3, 2]],
  ])("counts the most that anybody remembers, told %s", (_when, order) => {
    const less = { term: asTerm(2), index: asIndex(3), entry: at(2, 3) };
    const member = new Member(1, { ...RECOVERS, log: entriesOf(1, 2) }).settle();
    const { context } = questionOf(member);
    for (const from of order) {
      const memory = { term: 2, last: at(2, 4), acknowledged: from === 2 ? acknowledged : less };
      member.receive(answer(from, context, memory));
    }
    const rolledBack = { member: 2, acknowledgedIndex: 4 };
    expect(member.core.status().recovery).toMatchObject({ rolledBack, lacks: at(2, 4) });
    const [, , third, fourth] = entriesOf(1, 2, 2, 2);
    if (third === undefined || fourth === undefined) throw new Error("four entries were made");
    member.receive(appendEntries(2, 1, 2, at(2, 2), [third]));
    expect(member.core.status().recovery).toMatchObject({ rolledBack });
    member.receive(appendEntries(2, 1, 2, at(2, 3), [fourth]));
    expect(member.core.status().recovery).toMatchObject({ rolledBack: undefined });
  });

  test("says nothing against a disk that has entered a later term since", () => {
    const log = entriesOf(1, 3);
    const member = restarted({ term: 3, last: at(3, 4), acknowledged }, log, 0);
    expect(member.core.status().recovery).toMatchObject({
      rolledBack: undefined,
      lacks: undefined,
    });
  });
});

// Keeps R45.
test("a leader whose follower comes back with less sends what is missing", () => {
  const leader = new Member(1, { log: entriesOf(1, 1) });
  leader.core.campaign();
  leader.settle().receive(voteResponse(2, 1, 2, false), ack(2, 1, 2, 3));
  leader.takeSent();
  leader.receive({
    kind: "recovery",
    from: asMemberId(2),
    to: asMemberId(1),
    term: asTerm(1),
    context: 7,
    lastLogIndex: asIndex(1),
    lastLogTerm: asTerm(1),
  });
  expect(leader.core.status()).toMatchObject({ role: "leader", commitIndex: 3 });
  expect(leader.takeSent()).toMatchObject([
    {
      kind: "recoveryResponse",
      context: 7,
      last: at(2, 3),
      committed: at(2, 3),
      acknowledged: { term: 2, index: 3, entry: at(2, 3) },
    },
    { kind: "appendEntries", prevLogIndex: 1, entries: [{ index: 2 }, { index: 3 }] },
  ]);
});
