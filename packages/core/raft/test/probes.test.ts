// Goal: a member that takes long to answer a probe gets its entries once. Method: a leader whose follower, played by the test, answers
// heartbeats and not the probe; what is sent to it is counted.
import { describe, expect, test } from "vitest";
import { type AppendEntries, type Message } from "../src/message.ts";
import { asMemberId, asTerm } from "../src/types.ts";
import { ack, entriesOf, Member, rejection } from "./support/member.ts";

const LOG = 2000;
const WINDOW = 500;
const FOLLOWER = asMemberId(2);

/** A leader that has begun to bring the whole log to a blank follower. */
function probing(reportsLoss: boolean): Member {
  const log = entriesOf(...Array.from({ length: LOG }, () => 1));
  const config = { maxAppendEntries: WINDOW, maxInflightMessages: 4, reportsLoss };
  const leader = new Member(1, { log, config }).lead(3);
  const { term } = leader.core.status();
  leader.receive(rejection(FOLLOWER, 1, term, LOG, { index: 0, term: 0 }));
  return leader;
}

/** The answer to a heartbeat. */
function alive(leader: Member): Message {
  const term = asTerm(leader.core.status().term);
  return { kind: "heartbeatResponse", from: FOLLOWER, to: asMemberId(1), term, readToken: 0 };
}

function appends(leader: Member): readonly AppendEntries[] {
  return leader
    .takeSent()
    .filter((message) => message.kind === "appendEntries")
    .filter(({ to }) => to === FOLLOWER);
}

/** Entries of each message. */
function counts(leader: Member): readonly number[] {
  return appends(leader).map(({ entries }) => entries.length);
}

describe("a probe that is not acknowledged", () => {
  test("is not sent again beside itself: the answer to a heartbeat brings an empty one", () => {
    const leader = probing(true);
    expect(counts(leader)).toEqual([WINDOW]);
    for (let k = 0; k < 10; k++) leader.receive(alive(leader));
    expect(counts(leader)).toEqual(Array.from({ length: 10 }, () => 0));
  });

  test("waits with new proposals, too, between two answers", () => {
    const leader = probing(true);
    leader.receive(alive(leader));
    appends(leader);
    for (const text of ["a", "b", "c"]) leader.propose(text);
    expect(counts(leader)).toEqual([]);
  });

  test("costs no more entries than are due and one window, however often it is asked for", () => {
    const leader = probing(true);
    let [sent, matched] = [0, 0];
    const { term, lastIndex } = leader.core.status();
    while (matched < lastIndex) {
      for (let k = 0; k < 5; k++) leader.receive(alive(leader));
      const messages = appends(leader);
      sent += messages.reduce((sum, { entries }) => sum + entries.length, 0);
      matched = messages.reduce(
        (end, { prevLogIndex, entries }) => Math.max(end, prevLogIndex + entries.length),
        matched,
      );
      leader.receive(ack(FOLLOWER, 1, term, matched));
    }
    expect(sent).toBeGreaterThanOrEqual(lastIndex);
    expect(sent).toBeLessThanOrEqual(lastIndex + WINDOW);
  });

  test("that is acknowledged in part goes on: its rest is not sent again", () => {
    const leader = probing(true);
    const { term } = leader.core.status();
    appends(leader);
    leader.receive(ack(FOLLOWER, 1, term, 64));
    const next = appends(leader).map(({ prevLogIndex }) => prevLogIndex);
    expect(next).toEqual([WINDOW, 2 * WINDOW, 3 * WINDOW]);
  });

  test("of which the rest was lost without a report is found out by the next answer", () => {
    const leader = probing(true);
    const { term } = leader.core.status();
    leader.receive(ack(FOLLOWER, 1, term, 64));
    appends(leader);
    leader.receive(alive(leader));
    const [asked] = appends(leader);
    expect(asked?.entries).toEqual([]);
    const { prevLogIndex = 0 } = asked ?? {};
    leader.receive(rejection(FOLLOWER, 1, term, prevLogIndex, { index: 64, term: 1 }));
    expect(appends(leader).map((message) => message.prevLogIndex)).toEqual([64]);
  });

  test("is sent again when it was reported lost", () => {
    const leader = probing(true);
    leader.core.reportUnreachable(FOLLOWER);
    leader.settle();
    appends(leader);
    leader.receive(alive(leader));
    expect(counts(leader)).toEqual([WINDOW]);
  });

  test("is sent again when the empty one finds that it was lost without a report", () => {
    const leader = probing(true);
    leader.receive(alive(leader));
    appends(leader);
    leader.receive(ack(FOLLOWER, 1, leader.core.status().term, 0));
    const [first] = appends(leader);
    expect([first?.prevLogIndex, first?.entries.length]).toEqual([0, WINDOW]);
  });

  test("is repeated by each answer where nobody reports losses, as the reference does", () => {
    const leader = probing(false);
    for (let k = 0; k < 3; k++) leader.receive(alive(leader));
    expect(counts(leader)).toEqual([WINDOW, WINDOW, WINDOW, WINDOW]);
  });
});
