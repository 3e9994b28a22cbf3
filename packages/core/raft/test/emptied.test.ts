// Goal: members whose copies of a log were given up for the copy of another member cannot make a second history beside it. Method: one core
// with an emptied log, and messages of the member whose copy was kept and of others.
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId, asTerm } from "../src/types.ts";
import type { EntryId, MemberId } from "../src/types.ts";
import type { Message, RecoveryResponse } from "../src/message.ts";
import { appendEntries, entriesOf, Member, requestVote } from "./support/member.ts";

const KEPT: MemberId = asMemberId(2);
const at = (term: number, index: number): EntryId => ({
  term: asTerm(term),
  index: asIndex(index),
});

function emptied(options: ConstructorParameters<typeof Member>[1] = {}): Member {
  return new Member(1, { ...options, config: { recovers: true, emptiedFor: KEPT } }).settle();
}

function contextOf(member: Member): number {
  const question = member.takeSent().find((message) => message.kind === "recovery");
  if (question?.kind !== "recovery") throw new Error("nothing was asked");
  expect(question.to).toBe(KEPT);
  return question.context;
}

function answer(from: number, context: number, last: EntryId): RecoveryResponse {
  return {
    kind: "recoveryResponse",
    from: asMemberId(from),
    to: asMemberId(1),
    term: last.term,
    context,
    last,
    committed: last,
    acknowledged: { ...at(0, 0), entry: at(0, 0) },
  };
}

const vote = (from: number, term: number, last: EntryId): Message =>
  requestVote(from, 1, term, last);

// Keeps R47.
describe("a member whose log was emptied", () => {
  test("asks the kept member until it answers, and does not stand however long that takes", () => {
    const member = emptied();
    contextOf(member);
    member.tick(100);
    const kinds = new Set(member.takeSent().map(({ kind, to }) => `${kind} ${to}`));
    expect([...kinds]).toEqual(["recovery 2"]);
    member.core.campaign();
    expect(member.settle().core.status()).toMatchObject({
      role: "follower",
      term: 0,
      emptied: { kept: 2, end: undefined },
    });
  });

  test("votes for nobody before the answer, then for the kept member alone, with all that it had", () => {
    const member = emptied();
    const context = contextOf(member);
    member.receive(vote(2, 4, at(2, 2)));
    expect(member.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected: true }]);
    member.receive(answer(2, context, at(2, 2)), vote(3, 9, at(8, 8)));
    expect(member.takeSent()).toEqual([]);
    expect(member.core.term).toBe(4);
    member.receive(vote(2, 5, at(1, 9)), vote(2, 6, at(2, 2)));
    expect(member.takeSent()).toMatchObject([{ rejected: true }, { rejected: false, term: 6 }]);
  });

  test("takes no answer of another member for the one of the kept member", () => {
    const member = emptied();
    member.receive(answer(3, contextOf(member), at(8, 8)));
    expect(member.core.status()).toMatchObject({ term: 0, emptied: { end: undefined } });
  });

  test("takes entries from the kept member, and is like any other when they are durable", () => {
    const member = emptied();
    member.receive(answer(2, contextOf(member), at(2, 2)));
    member.receive(appendEntries(2, 1, 3, at(0, 0), entriesOf(1)));
    expect(member.core.status().emptied).toBeDefined();
    member.receive(vote(3, 9, at(8, 8)));
    expect(member.core.term).toBe(3);
    member.receive(appendEntries(2, 1, 3, at(1, 1), entriesOf(1, 2).slice(1)));
    expect(member.core.status()).toMatchObject({ emptied: undefined, lastIndex: 2 });
    member.takeSent();
    member.receive(vote(3, 9, at(8, 8)));
    expect(member.takeSent()).toMatchObject([{ to: 3, rejected: false }]);
    expect(member.traces).toContainEqual({ kind: "filled", kept: KEPT, index: 2, term: 2 });
  });

  test("takes entries from another leader only of a term of which the kept member has entries", () => {
    const member = emptied();
    const context = contextOf(member);
    member.receive(answer(2, context, at(2, 2)));
    const other = appendEntries(3, 1, 5, at(0, 0), entriesOf(1, 2, 5));
    expect(member.core.step(other)).toEqual({ kind: "refused", reason: "awaitsKept" });
    member.receive(answer(2, context, at(5, 3)), other);
    expect(member.core.status()).toMatchObject({ emptied: undefined, lastIndex: 3, leader: 3 });
  });

  test("has to have what the kept member had at first, however far that goes on meanwhile", () => {
    const member = emptied();
    const context = contextOf(member);
    member.receive(answer(2, context, at(2, 2)), answer(2, context, at(2, 90)));
    expect(member.core.status().emptied?.end).toEqual(at(2, 2));
    member.receive(appendEntries(2, 1, 3, at(0, 0), entriesOf(1, 2)));
    expect(member.core.status().emptied).toBeUndefined();
  });

  test("needs no entries when it has what was kept already", () => {
    const member = emptied({ log: entriesOf(1, 2) });
    member.receive(answer(2, contextOf(member), at(2, 2)));
    expect(member.core.status().emptied).toBeUndefined();
  });

  test("takes the answer of a kept member of which its own membership does not know", () => {
    const member = emptied({ voters: [1, 3, 4] });
    member.receive(answer(2, contextOf(member), at(2, 2)));
    expect(member.core.status().emptied?.end).toEqual(at(2, 2));
  });
});
