// Goal: what the Raft paper demands of a server, one test a sentence (In Search of an Understandable Consensus Algorithm, extended version;
// thesis where said). Method: one core, one event, then its state and what it sends.
import { describe, expect, test } from "vitest";
import {
  ack,
  appendEntries,
  entriesOf,
  entry,
  heartbeat,
  Member,
  rejection,
  requestVote,
  voteResponse,
} from "./support/member.ts";

const NOTHING = { index: 0, term: 0 };

// Keeps R15.
describe("terms (§5.1)", () => {
  // "If one server's current term is smaller than the other's, then it updates its current term to the larger value."
  test.each([1, 2])("a follower with %i terms behind takes the larger term", (behind) => {
    const follower = new Member(1, { term: 3 });
    follower.receive(appendEntries(2, 1, 3 + behind, NOTHING));
    expect(follower.core.status()).toMatchObject({ role: "follower", term: 3 + behind, leader: 2 });
  });

  // "If a candidate or leader discovers that its term is out of date, it immediately reverts to follower state."
  test("a candidate whose term is out of date becomes a follower", () => {
    const candidate = new Member(1);
    candidate.core.campaign();
    candidate.settle().receive(appendEntries(2, 1, 2, NOTHING));
    expect(candidate.core.status()).toMatchObject({ role: "follower", term: 2, leader: 2 });
  });

  test("a leader whose term is out of date becomes a follower", () => {
    const leader = new Member(1).lead(2).receive(appendEntries(2, 1, 2, NOTHING));
    expect(leader.core.status()).toMatchObject({ role: "follower", term: 2, leader: 2 });
  });

  // "If a server receives a request with a stale term number, it rejects the request."
  // Keeps R11.
  test("requests of an old term change nothing", () => {
    const follower = new Member(1, { term: 5 });
    follower.receive(
      appendEntries(2, 1, 4, NOTHING, [entry(4, 1)]),
      requestVote(3, 1, 4, { index: 9, term: 4 }),
    );
    expect(follower.core.status()).toMatchObject({ term: 5, votedFor: 0, leader: 0, lastIndex: 0 });
    expect(follower.takeSent()).toEqual([]);
  });
});

describe("leader election (§5.2)", () => {
  // "When servers start up, they begin as followers."
  test("a server starts as a follower", () => {
    expect(new Member(1).core.status()).toMatchObject({ role: "follower", term: 0 });
  });

  // "Leaders send periodic heartbeats to all followers in order to maintain their authority."
  test("a leader sends heartbeats with every heartbeat interval", () => {
    const leader = new Member(1, { config: { heartbeatTicks: 3, electionTicks: 10 } }).lead(2);
    leader.tick(2);
    expect(leader.takeSent()).toEqual([]);
    leader.tick();
    expect(leader.takeSent()).toMatchObject([
      { kind: "heartbeat", to: 2, term: 1 },
      { kind: "heartbeat", to: 3, term: 1 },
    ]);
  });

  // "If a follower receives no communication over a period of time called the election timeout, then it assumes there is no viable
  // leader and begins an election", "it increments its current term and transitions to candidate state", "It then votes for itself and
  // issues RequestVote RPCs in parallel to each of the other servers in the cluster."
  test.each([{ role: "follower" }, { role: "candidate" }])(
    "a $role begins an election when its timeout passes",
    ({ role }) => {
      const member = new Member(1, { term: 1 });
      if (role === "candidate") member.core.campaign();
      member.settle().takeSent();
      const before = member.core.status().term;
      member.tick(10);
      expect(member.core.status()).toMatchObject({
        role: "candidate",
        term: before + 1,
        votedFor: 1,
      });
      expect(member.takeSent()).toMatchObject([
        { kind: "requestVote", to: 2, term: before + 1 },
        { kind: "requestVote", to: 3, term: before + 1 },
      ]);
    },
  );

  // "A candidate wins an election if it receives votes from a majority of the servers in the full cluster for the same term."
  // Keeps R1.
  test.each([
    { size: 1, votes: [], role: "leader" },
    { size: 3, votes: [2], role: "leader" },
    { size: 3, votes: [], role: "candidate" },
    { size: 5, votes: [2, 3], role: "leader" },
    { size: 5, votes: [2], role: "candidate" },
  ])("of $size servers, votes of self and $votes make it $role", ({ size, votes, role }) => {
    const voters = Array.from({ length: size }, (_, i) => i + 1);
    const member = new Member(1, { voters });
    member.core.campaign();
    member.settle().receive(...votes.map((voter) => voteResponse(voter, 1, 1, false)));
    expect(member.core.status().role).toBe(role);
  });

  test("a majority of refusals ends the candidacy", () => {
    const member = new Member(1);
    member.core.campaign();
    member.settle().receive(voteResponse(2, 1, 1, true), voteResponse(3, 1, 1, true));
    expect(member.core.status()).toMatchObject({ role: "follower", term: 1, votedFor: 1 });
  });

  // "Each server will vote for at most one candidate in a given term, on a first-come-first-served basis."
  // Keeps R2.
  test.each([
    { votedFor: 0, candidate: 2, rejected: false },
    { votedFor: 0, candidate: 3, rejected: false },
    { votedFor: 2, candidate: 2, rejected: false },
    { votedFor: 2, candidate: 3, rejected: true },
    { votedFor: 1, candidate: 2, rejected: true },
  ])("with a vote for $votedFor, a request of $candidate is rejected: $rejected", (scene) => {
    const follower = new Member(1, { term: 1, votedFor: scene.votedFor });
    follower.receive(requestVote(scene.candidate, 1, 1, NOTHING));
    expect(follower.takeSent()).toMatchObject([
      { kind: "requestVoteResponse", to: scene.candidate, term: 1, rejected: scene.rejected },
    ]);
  });

  // "If the leader's term (included in its RPC) is at least as large as the candidate's current term, then the candidate recognizes the
  // leader as legitimate and returns to follower state."
  test.each([1, 2])("a candidate of term 1 follows a leader of term %i", (term) => {
    const candidate = new Member(1);
    candidate.core.campaign();
    candidate.settle().receive(appendEntries(2, 1, term, NOTHING));
    expect(candidate.core.status()).toMatchObject({ role: "follower", term, leader: 2 });
  });

  // "Raft uses randomized election timeouts": chosen "randomly from a fixed interval".
  test("the election timeout is drawn from [electionTicks, 2 × electionTicks), anew for each election", () => {
    for (const drawn of [0, 1, 9]) {
      const member = new Member(1, { config: { randomBelow: () => drawn } });
      member.tick(10 + drawn - 1);
      expect(member.core.status().role).toBe("follower");
      member.tick();
      expect(member.core.status().role).toBe("candidate");
    }
    const draws = [3, 7];
    const member = new Member(1, { config: { randomBelow: () => draws.shift() ?? 0 } });
    member.tick(13);
    expect(member.core.status().term).toBe(1);
    member.tick(16);
    expect(member.core.status().term).toBe(1);
    member.tick();
    expect(member.core.status().term).toBe(2);
  });
});

describe("log replication (§5.3)", () => {
  // "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other servers."
  test("a proposal is appended and sent to everybody", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1), ack(3, 1, 1, 1));
    leader.takeSent();
    expect(leader.propose("x")).toMatchObject({ kind: "accepted", firstIndex: 2, lastIndex: 2 });
    const expected = {
      prevLogIndex: 1,
      prevLogTerm: 1,
      leaderCommit: 1,
      entries: [entry(1, 2, "x")],
    };
    expect(leader.takeSent()).toMatchObject([
      { kind: "appendEntries", to: 2, ...expected },
      { kind: "appendEntries", to: 3, ...expected },
    ]);
  });

  // "A log entry is committed once the leader that created the entry has replicated it on a majority of the servers."
  test.each([
    { size: 1, acks: [], committed: 2 },
    { size: 3, acks: [], committed: 1 },
    { size: 3, acks: [2], committed: 2 },
    { size: 5, acks: [2], committed: 1 },
    { size: 5, acks: [2, 3], committed: 2 },
  ])("of $size servers, acks of $acks commit up to $committed", ({ size, acks, committed }) => {
    const voters = Array.from({ length: size }, (_, i) => i + 1);
    const others = voters.slice(1);
    const leader = new Member(1, { voters }).lead(...others);
    leader.receive(...others.map((id) => ack(id, 1, 1, 1)));
    leader.propose("x");
    leader.receive(...acks.map((id) => ack(id, 1, 1, 2)));
    expect(leader.core.status().commitIndex).toBe(committed);
  });

  // "The leader keeps track of the highest index it knows to be committed, and it includes that index in future AppendEntries RPCs."
  test("a commit is announced in the next message", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    expect(leader.takeSent()).toContainEqual(
      expect.objectContaining({ kind: "appendEntries", to: 2, leaderCommit: 1 }),
    );
  });

  // "Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)."
  // Keeps R6.
  test("a follower applies what the leader says is committed, in order, once", () => {
    const entries = [entry(1, 1), entry(1, 2, "a"), entry(1, 3, "b")];
    const follower = new Member(1).receive(appendEntries(2, 1, 1, NOTHING, entries, 2));
    expect(follower.applied.map(({ index }) => index)).toEqual([1, 2]);
    follower.receive(heartbeat(2, 1, 1, 3), heartbeat(2, 1, 1, 3));
    expect(follower.applied).toEqual(entries);
  });

  // "This also commits all preceding entries in the leader's log, including entries created by previous leaders."
  test("committing an entry of the own term commits what precedes it", () => {
    const leader = new Member(1, { log: entriesOf(1, 1, 2), term: 2 }).lead(2);
    leader.receive(ack(2, 1, 3, 4));
    expect(leader.core.status().commitIndex).toBe(4);
    expect(leader.applied.map(({ term }) => term)).toEqual([1, 1, 2, 3]);
  });

  // "If the follower does not find an entry in its log with the same index and term, then it refuses the new entries."
  // Keeps R4.
  test.each([
    { prev: { index: 1, term: 1 }, refused: false },
    { prev: { index: 2, term: 2 }, refused: false },
    { prev: { index: 2, term: 1 }, refused: true },
    { prev: { index: 1, term: 2 }, refused: true },
    { prev: { index: 3, term: 3 }, refused: true },
  ])("an append after $prev is refused: $refused", ({ prev, refused }) => {
    const follower = new Member(1, { log: entriesOf(1, 2), term: 2 });
    follower.receive(appendEntries(2, 1, 3, prev));
    expect(follower.takeSent()).toMatchObject([
      { kind: "appendEntriesResponse", to: 2, index: prev.index, rejected: refused },
    ]);
  });

  // "If an existing entry conflicts with a new one (same index but different terms), delete the existing entry and all that follow it"
  // (Fig. 2).
  test.each([
    { prev: { index: 2, term: 2 }, entries: [[3, 3]], terms: [1, 2, 3] },
    {
      prev: { index: 1, term: 1 },
      entries: [
        [3, 2],
        [4, 3],
      ],
      terms: [1, 3, 4],
    },
    { prev: NOTHING, entries: [[1, 1]], terms: [1, 2] },
    { prev: NOTHING, entries: [[3, 1]], terms: [3] },
  ])("entries after $prev leave a log of terms $terms", ({ prev, entries, terms }) => {
    const follower = new Member(1, { log: entriesOf(1, 2), term: 2 });
    const sent = entries.map(([term, index]) => entry(term ?? 0, index ?? 0));
    follower.receive(appendEntries(2, 1, 4, prev, sent));
    expect(follower.log.all().map(({ term }) => term)).toEqual(terms);
  });

  // "the leader must find the latest log entry where the two logs agree, delete any entries in the follower's log after that point, and
  // send the follower all of the leader's entries after that point" (Fig. 7: the followers a to f).
  // Keeps R4.
  test.each([
    { name: "a", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6] },
    { name: "b", terms: [1, 1, 1, 4] },
    { name: "c", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6] },
    { name: "d", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7] },
    { name: "e", terms: [1, 1, 1, 4, 4, 4, 4] },
    { name: "f", terms: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3] },
  ])("follower $name of figure 7 comes to agree", ({ terms }) => {
    const leader = new Member(1, { log: entriesOf(1, 1, 1, 4, 4, 5, 5, 6, 6, 6), term: 7 }).lead(3);
    const follower = new Member(2, { log: entriesOf(...terms), term: 7 });
    leader.tick();
    for (let round = 0; round < 10; round += 1) {
      follower.receive(...leader.takeSent().filter(({ to }) => to === 2));
      leader.receive(...follower.takeSent().filter(({ to }) => to === 1));
    }
    expect(follower.log.all()).toEqual(leader.log.all());
  });

  // "After a rejection, the leader decrements nextIndex and retries"; with the optimization of whole terms.
  test("a rejection is retried at the hint", () => {
    const leader = new Member(1, { log: entriesOf(1, 2, 2, 2), term: 2 }).lead(2);
    leader.receive(rejection(3, 1, 3, 4, { index: 4, term: 1 }));
    expect(leader.takeSent()).toMatchObject([
      { kind: "appendEntries", to: 3, prevLogIndex: 1, prevLogTerm: 1, entries: { length: 4 } },
    ]);
  });

  // "A leader never overwrites or deletes entries in its own log" (Leader Append-Only).
  // Keeps R3.
  test("a leader refuses appends in its own term", () => {
    const leader = new Member(1).lead(2);
    const outcome = leader.core.step(appendEntries(3, 1, 1, NOTHING, [entry(1, 1, "x")]));
    expect(outcome).toEqual({ kind: "refused", reason: "secondLeader" });
    expect(leader.log.all()).toEqual([entry(1, 1)]);
  });
});

describe("safety (§5.4)", () => {
  // "The RequestVote RPC includes information about the candidate's log."
  test("a vote request tells the last index and term", () => {
    const member = new Member(1, { log: entriesOf(1, 2), term: 2 });
    member.core.campaign();
    expect(member.settle().takeSent()).toMatchObject([
      { kind: "requestVote", to: 2, lastLogIndex: 2, lastLogTerm: 2 },
      { kind: "requestVote", to: 3, lastLogIndex: 2, lastLogTerm: 2 },
    ]);
  });

  // "the voter denies its vote if its own log is more up-to-date than that of the candidate": the later last term wins, then the length.
  // Keeps R5.
  test.each([
    { own: [1], last: { index: 1, term: 1 }, rejected: false },
    { own: [1], last: { index: 2, term: 1 }, rejected: false },
    { own: [1, 1], last: { index: 1, term: 1 }, rejected: true },
    { own: [1], last: { index: 1, term: 2 }, rejected: false },
    { own: [1, 1], last: { index: 1, term: 2 }, rejected: false },
    { own: [2], last: { index: 1, term: 1 }, rejected: true },
    { own: [2], last: { index: 2, term: 1 }, rejected: true },
  ])("a log $own denies a candidate with $last: $rejected", ({ own, last, rejected }) => {
    const voter = new Member(1, { log: entriesOf(...own) }).receive(requestVote(2, 1, 5, last));
    expect(voter.takeSent()).toMatchObject([{ kind: "requestVoteResponse", rejected }]);
  });

  // "Raft never commits log entries from previous terms by counting replicas. Only log entries from the leader's current term are."
  // Keeps R7.
  test("entries of earlier terms are not committed by counting (figure 8)", () => {
    const leader = new Member(1, { log: entriesOf(1, 2), term: 2 }).lead(2);
    leader.receive(ack(2, 1, 3, 2), ack(3, 1, 3, 2));
    expect(leader.core.status().commitIndex).toBe(0);
    leader.receive(ack(2, 1, 3, 3));
    expect(leader.core.status().commitIndex).toBe(3);
  });
});

describe("crashes, persistence and interaction (§5.5, §5.6, §8)", () => {
  // "Raft RPCs are idempotent": "if a follower receives an AppendEntries request that includes log entries already present in its log, it
  // ignores those entries in the new request."
  test("a duplicate append changes nothing and is acknowledged again", () => {
    const message = appendEntries(2, 1, 1, NOTHING, [entry(1, 1, "a"), entry(1, 2, "b")]);
    const late = appendEntries(2, 1, 1, NOTHING, [entry(1, 1, "a")]);
    const follower = new Member(1).receive(message, message, late);
    expect(follower.log.all()).toEqual(message.entries);
    expect(follower.takeSent()).toMatchObject([{ index: 2 }, { index: 2 }, { index: 1 }]);
  });

  // "Updated on stable storage before responding to RPCs" (Fig. 2, persistent state).
  // Keeps R9.
  test("vote and entries are in the ticket that their acknowledgement waits for", () => {
    const follower = new Member(1);
    follower.core.step(requestVote(2, 1, 1, NOTHING));
    const vote = follower.core.takeReady();
    expect(vote.messages).toEqual([]);
    expect(vote.append).toMatchObject({
      hardState: { term: 1, votedFor: 2 },
      mustSync: true,
      afterDurable: [{ kind: "requestVoteResponse", rejected: false }],
    });
    follower.core.step(appendEntries(2, 1, 1, NOTHING, [entry(1, 1)]));
    const append = follower.core.takeReady();
    expect(append.messages).toEqual([]);
    expect(append.append).toMatchObject({
      entries: [entry(1, 1)],
      mustSync: true,
      afterDurable: [{ kind: "appendEntriesResponse", index: 1 }],
    });
  });

  // "each leader commit a blank no-op entry into the log at the start of its term" (§8).
  test("a leader begins its term with an empty entry", () => {
    const leader = new Member(1, { log: entriesOf(1), term: 1 }).lead(2);
    expect(leader.log.all()).toEqual([entry(1, 1), entry(2, 2)]);
  });

  // "a leader must check whether it has been deposed before processing a read-only request", by "exchanging heartbeat messages with a
  // majority of the cluster" (§8).
  // Keeps R18.
  test("a read is answered only after a round of heartbeats", () => {
    const leader = new Member(1).lead(2).receive(ack(2, 1, 1, 1));
    leader.takeSent();
    leader.core.readIndex(7);
    leader.settle();
    expect(leader.reads).toEqual([]);
    const [round] = leader.takeSent();
    expect(round).toMatchObject({ kind: "heartbeat", to: 2, readToken: 1 });
    leader.receive({ ...heartbeat(2, 1, 1), kind: "heartbeatResponse", readToken: 1 });
    expect(leader.reads).toEqual([{ context: 7, index: 1 }]);
  });
});
