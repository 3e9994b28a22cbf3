// Goal: what elections add to the paper: rehearsals, leases, quorum checks, and who must not stand. Method: one core, one event, then its
// state and what it sends.
import { describe, expect, test } from "vitest";
import { asIndex, asMemberId, asTerm, type Entry } from "../src/types.ts";
import { decodeMembershipChange, encodeMembershipChange } from "../src/membershipCodec.ts";
import {
  ack,
  appendEntries,
  entriesOf,
  entry,
  heartbeat,
  Member,
  membershipOf,
  requestVote,
  voteResponse,
} from "./support/member.ts";

const NOTHING = { index: 0, term: 0 };
const BOTH = { preVote: true, checkQuorum: true };

// Keeps R28.
describe("a rehearsal (thesis §9.6)", () => {
  test("raises no term and casts no vote, at either end", () => {
    const candidate = new Member(1, { term: 3, config: { preVote: true } }).tick(10);
    expect(candidate.core.status()).toMatchObject({ role: "preCandidate", term: 3, votedFor: 0 });
    const [request] = candidate.takeSent();
    expect(request).toMatchObject({ kind: "requestPreVote", to: 2, term: 4 });
    const voter = new Member(2, { term: 1 }).receive(
      requestVote(1, 2, 4, NOTHING, { kind: "requestPreVote" }),
    );
    expect(voter.core.status()).toMatchObject({ term: 1, votedFor: 0 });
    expect(voter.takeSent()).toMatchObject([
      { kind: "requestPreVoteResponse", term: 4, rejected: false },
    ]);
  });

  test("that is won becomes an election", () => {
    const candidate = new Member(1, { config: { preVote: true } }).tick(10);
    candidate.receive(voteResponse(2, 1, 1, false, "requestPreVoteResponse"));
    expect(candidate.core.status()).toMatchObject({ role: "candidate", term: 1, votedFor: 1 });
    expect(candidate.takeSent()).toContainEqual(
      expect.objectContaining({ kind: "requestVote", term: 1 }),
    );
  });

  test("that is lost leaves the term as it is", () => {
    const candidate = new Member(1, { config: { preVote: true } }).tick(10);
    const lost = [2, 3].map((id) => voteResponse(id, 1, 0, true, "requestPreVoteResponse"));
    candidate.receive(...lost);
    expect(candidate.core.status()).toMatchObject({ role: "follower", term: 0 });
  });

  test("from an old term is answered, so that its candidate learns the term", () => {
    const voter = new Member(1, { term: 5 });
    voter.receive(requestVote(2, 1, 3, NOTHING, { kind: "requestPreVote" }));
    expect(voter.takeSent()).toMatchObject([
      { kind: "requestPreVoteResponse", term: 5, rejected: true },
    ]);
  });
});

// Keeps R29.
describe("the follower lease (thesis §4.2.3)", () => {
  const request = requestVote(3, 1, 9, { index: 9, term: 9 });

  test("makes a member that hears from a leader ignore candidates, whatever their term", () => {
    const follower = new Member(1, { config: BOTH }).receive(heartbeat(2, 1, 1));
    follower.takeSent();
    follower.receive(request);
    expect(follower.core.status()).toMatchObject({ term: 1, leader: 2 });
    expect(follower.takeSent()).toEqual([]);
  });

  test("ends with the election timeout, with the leader, and does not apply to transfers", () => {
    const expired = new Member(1, { config: { ...BOTH, randomBelow: () => 9 } }).receive(
      heartbeat(2, 1, 1),
    );
    expect(expired.tick(10).receive(request).core.status().term).toBe(9);
    const forgetful = new Member(1, { config: BOTH }).receive(heartbeat(2, 1, 1));
    forgetful.core.forgetLeader();
    expect(forgetful.receive(request).core.status().term).toBe(9);
    const handover = new Member(1, { config: BOTH }).receive(heartbeat(2, 1, 1));
    expect(handover.receive({ ...request, transfer: true }).core.status().votedFor).toBe(3);
  });

  test("answers an old leader, which would otherwise never learn the term", () => {
    const member = new Member(1, { term: 5, config: BOTH });
    member.receive(heartbeat(2, 1, 4), appendEntries(2, 1, 4, NOTHING));
    expect(member.takeSent()).toMatchObject([
      { kind: "appendEntriesResponse", term: 5, index: 0, rejected: false },
      { kind: "appendEntriesResponse", term: 5, index: 0, rejected: false },
    ]);
  });
});

// Keeps R30.
describe("the quorum check", () => {
  test("makes a leader without a quorum step down, and one with a quorum stay", () => {
    const leader = new Member(1, { config: { checkQuorum: true } }).lead(2);
    leader.receive(ack(2, 1, 1, 1)).tick(10);
    expect(leader.core.role).toBe("leader");
    leader.tick(10);
    expect(leader.core.status()).toMatchObject({ role: "follower", term: 1, leader: 0 });
  });

  // Seed 1795355376626: each transfer began the wait for the check anew, so a leader that was cut off stayed one.
  test("waits for no transfer, however many are begun", () => {
    const leader = new Member(1, { config: { checkQuorum: true } }).lead(2);
    leader.receive(ack(2, 1, 1, 1)).tick(10);
    leader.core.transferLeadership(asMemberId(2));
    leader.tick(5);
    leader.core.transferLeadership(asMemberId(3));
    leader.tick(5);
    expect(leader.core.role).toBe("follower");
  });
});

test("a transfer is given up after one election timeout, counted from its own beginning", () => {
  const leader = new Member(1).lead(2).tick(25);
  leader.core.transferLeadership(asMemberId(2));
  leader.tick(9);
  expect(leader.core.status().transferee).toBe(2);
  leader.tick(1);
  expect(leader.core.status().transferee).toBe(0);
});

// Keeps R24.
describe("who must not stand", () => {
  test("a learner, though it votes", () => {
    const learner = new Member(3, { voters: [1, 2], learners: [3] }).tick(30);
    expect(learner.core.role).toBe("follower");
    learner.receive(requestVote(1, 3, 1, NOTHING));
    expect(learner.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected: false }]);
  });

  test("a member with a committed membership change that it has not applied", () => {
    const member = new Member(1).receive(appendEntries(2, 1, 1, NOTHING, [entry(1, 1)]));
    const change = { op: "addLearner" as const, member: asMemberId(4) };
    const proposed = new Member(2).lead(1);
    proposed.core.proposeMembership({
      format: 2,
      transition: "auto",
      steps: [change],
      context: new Uint8Array(0),
    });
    const entries = proposed.settle().log.all().slice(1);
    member.receive(appendEntries(2, 1, 1, { index: 1, term: 1 }, entries));
    member.core.step(heartbeat(2, 1, 1, 2));
    const { apply } = member.core.takeReady();
    member.core.campaign();
    expect(member.core.role).toBe("follower");
    const data = apply.at(-1)?.data ?? new Uint8Array(1);
    member.core.applyMembership(decodeMembershipChange(data));
    member.core.applyDone(asIndex(2));
    member.core.campaign();
    expect(member.core.role).toBe("candidate");
  });
});

// Keeps R31.
describe("a voter that has not heard of a removal (etcd issue 12359)", () => {
  const removal = encodeMembershipChange({
    format: 2,
    transition: "auto",
    steps: [{ op: "remove", member: asMemberId(2) }],
    context: new Uint8Array(0),
  });
  const change: Entry = { index: asIndex(2), term: asTerm(1), kind: "membership", data: removal };
  const config = { checkQuorum: true, preVote: true };

  /** The removed member knows of the removal and is one entry ahead: it neither stands nor grants. */
  function leftBehind(committedByRemoved: number) {
    const log = [entry(1, 1), change];
    const last = new Member(1, { voters: [1, 2], log, commitIndex: 1, config }).settle();
    const removed = new Member(2, {
      voters: [1, 2],
      log: [...log, entry(1, 3)],
      commitIndex: committedByRemoved,
      config,
    }).settle();
    last.tick(10);
    removed.receive(...last.takeSent());
    last.receive(...removed.takeSent());
    return { last, removed };
  }

  test("learns of it from the refused vote, and leads alone", () => {
    const { last, removed } = leftBehind(2);
    expect(removed.core.status().membership.voters).toEqual([1]);
    expect(last.core.status()).toMatchObject({ role: "follower", commitIndex: 2, applied: 2 });
    expect(last.core.status().membership.voters).toEqual([1]);
    expect(last.tick(10).core.role).toBe("leader");
  });

  test("learns nothing from who knows of no commitment either", () => {
    const { last } = leftBehind(1);
    expect(last.core.status()).toMatchObject({ commitIndex: 1 });
    expect(last.core.status().membership.voters).toEqual([1, 2]);
  });

  test("does not commit its own entry for another one at the same index", () => {
    const candidate = new Member(1, { log: entriesOf(1, 1), commitIndex: 1, config }).tick(10);
    const id = { index: 2, term: 2 };
    candidate.receive(voteResponse(2, 1, 1, true, "requestPreVoteResponse", id));
    expect(candidate.core.status().commitIndex).toBe(1);
  });
});

// Keeps R16.
describe("a snapshot", () => {
  const snapshotAt = (index: number, term: number, voters: readonly number[] = [1, 2]) => ({
    kind: "installSnapshot" as const,
    from: asMemberId(2),
    to: asMemberId(1),
    term: asTerm(5),
    snapshot: {
      lastIncludedIndex: asIndex(index),
      lastIncludedTerm: asTerm(term),
      membership: membershipOf(voters),
      data: new Uint8Array(0),
    },
  });

  test("replaces the whole log when its last entry is not here", () => {
    const follower = new Member(1, { log: entriesOf(1, 1, 2, 2) }).receive(snapshotAt(3, 4));
    expect(follower.core.status()).toMatchObject({
      firstIndex: 4,
      lastIndex: 3,
      commitIndex: 3,
      applied: 3,
    });
    expect(follower.core.status().membership.voters).toEqual([1, 2]);
    expect(follower.takeSent()).toMatchObject([{ kind: "appendEntriesResponse", index: 3 }]);
  });

  test("only moves the commit index when its last entry is here, and keeps what follows", () => {
    const follower = new Member(1, { log: entriesOf(1, 1, 2, 2) }).receive(snapshotAt(3, 2));
    expect(follower.core.status()).toMatchObject({ firstIndex: 1, lastIndex: 4, commitIndex: 3 });
    expect(follower.takeSent()).toMatchObject([{ index: 3 }]);
  });

  test.each([
    { name: "older than what is committed", message: snapshotAt(2, 1) },
    { name: "for a membership without this member", message: snapshotAt(9, 4, [2, 3]) },
  ])("is ignored when it is $name", ({ message }) => {
    const follower = new Member(1, { log: entriesOf(1, 1, 2), commitIndex: 2 }).receive(message);
    expect(follower.core.status()).toMatchObject({ firstIndex: 1, lastIndex: 3, commitIndex: 2 });
    expect(follower.takeSent()).toMatchObject([{ index: 2 }]);
  });
});

describe("a member that stands back", () => {
  const config = { ...BOTH, standsBack: () => true };

  test("lets three election timeouts pass, and stands when nobody else could be elected", () => {
    const member = new Member(1, { term: 3, config }).tick(39);
    expect(member.core.status()).toMatchObject({ role: "follower", term: 3 });
    expect(member.takeSent()).toEqual([]);
    member.tick(1);
    expect(member.core.status()).toMatchObject({ role: "preCandidate" });
  });

  test("votes for whoever stands meanwhile, and waits anew once a leader was heard from", () => {
    const member = new Member(1, { term: 3, config }).receive(heartbeat(2, 1, 3)).tick(10);
    expect(member.core.status()).toMatchObject({ leader: 0 });
    member.takeSent();
    member.receive(requestVote(3, 1, 4, NOTHING));
    expect(member.takeSent()).toMatchObject([
      { kind: "requestVoteResponse", term: 4, rejected: false },
    ]);
    member
      .tick(20)
      .receive(heartbeat(3, 1, 4))
      .tick(39);
    expect(member.core.status()).toMatchObject({ role: "follower" });
  });

  test("stands at once when the leader asks it to", () => {
    const member = new Member(1, { term: 3, config });
    member.receive({ kind: "timeoutNow", from: asMemberId(2), to: asMemberId(1), term: asTerm(3) });
    expect(member.core.status()).toMatchObject({ role: "candidate", term: 4 });
  });
});
