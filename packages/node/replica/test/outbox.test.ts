// Goal: of the messages of one turn only those stay behind from which their receiver would learn nothing, and the others keep their order.
// Method: messages by hand; at random, what a receiver would know in the end is compared with and without the outbox.
import { asIndex, asMemberId, asTerm } from "@annals/raft";
import type { Entry, Message } from "@annals/raft";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Outbox } from "../src/outbox.ts";

const LEADER = asMemberId(1);

interface Append {
  readonly to?: number;
  readonly term?: number;
  readonly prev: number;
  readonly commit: number;
  readonly entries?: number;
}

function append({ to = 2, term = 3, prev, commit, entries = 0 }: Append): Message {
  return {
    kind: "appendEntries",
    from: LEADER,
    to: asMemberId(to),
    term: asTerm(term),
    prevLogIndex: asIndex(prev),
    prevLogTerm: asTerm(1),
    leaderCommit: asIndex(commit),
    entries: Array.from({ length: entries }, (_, k) => entryAt(prev + 1 + k)),
  };
}

function entryAt(index: number): Entry {
  return { index: asIndex(index), term: asTerm(1), kind: "noop", data: new Uint8Array(0) };
}

function answer(index: number, rejected = false, term = 3): Message {
  return {
    kind: "appendEntriesResponse",
    from: LEADER,
    to: asMemberId(2),
    term: asTerm(term),
    index: asIndex(index),
    rejected,
    hintIndex: asIndex(0),
    hintTerm: asTerm(0),
  };
}

const HEARTBEAT: Message = {
  kind: "heartbeat",
  from: LEADER,
  to: asMemberId(2),
  term: asTerm(3),
  commitIndex: asIndex(1),
  readToken: 0,
};

/** What goes to member 2. */
function sent(...messages: readonly Message[]): readonly Message[] {
  const outbox = new Outbox();
  for (const message of messages) outbox.add([message]);
  return outbox.take().get(asMemberId(2)) ?? [];
}

describe("the outbox", () => {
  it("gathers a turn into one frame a receiver, and begins anew", () => {
    const outbox = new Outbox();
    const [here, there] = [append({ prev: 1, commit: 1 }), append({ to: 3, prev: 1, commit: 1 })];
    outbox.add([here, there]);
    outbox.add([HEARTBEAT]);
    expect([...outbox.take()]).toEqual([
      [2, [here, HEARTBEAT]],
      [3, [there]],
    ]);
    expect(outbox.take().size).toBe(0);
  });

  // Keeps L31.
  it("sends of several commits the last, alone or with the entries that come then", () => {
    const last = append({ prev: 9, commit: 7 });
    expect(sent(append({ prev: 9, commit: 5 }), append({ prev: 9, commit: 6 }), last)).toEqual([
      last,
    ]);
    const full = append({ prev: 9, commit: 7, entries: 2 });
    expect(sent(append({ prev: 9, commit: 6 }), full)).toEqual([full]);
  });

  // Keeps L31.
  it("sends of several acknowledgements the last", () => {
    expect(sent(answer(4), answer(4), answer(7))).toEqual([answer(7)]);
  });

  it.each([
    ["entries", append({ prev: 1, commit: 1, entries: 1 }), append({ prev: 2, commit: 2 })],
    ["an older commit", append({ prev: 1, commit: 2 }), append({ prev: 1, commit: 1 })],
    ["a probe further back", append({ prev: 5, commit: 1 }), append({ prev: 4, commit: 1 })],
    ["another term", append({ prev: 1, commit: 1 }), append({ term: 4, prev: 1, commit: 1 })],
    ["a rejection", answer(4, true), answer(5)],
    ["before a rejection", answer(4), answer(5, true)],
    ["a lower acknowledgement", answer(5), answer(4)],
    ["an acknowledgement of another term", answer(4), answer(5, false, 4)],
    ["another kind", HEARTBEAT, append({ prev: 1, commit: 1 })],
  ])("keeps both of %s", (_name, first, second) => {
    expect(sent(first, second)).toEqual([first, second]);
  });

  // Keeps L31.
  it("leaves a receiver with the same log, commit index and acknowledgement", () => {
    const message = fc.oneof(
      fc.record({ prev: fc.nat(6), commit: fc.nat(8), entries: fc.nat(2) }).map(append),
      fc.tuple(fc.nat(8), fc.boolean()).map(([index, rejected]) => answer(index, rejected)),
      fc.constant(HEARTBEAT),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        expect(learnt(sent(...messages))).toEqual(learnt(messages));
      }),
    );
  });
});

/** What a receiver knows after all of these, who has everything that they build on. */
function learnt(messages: readonly Message[]): unknown {
  const entries = new Set<number>();
  const rejections: number[] = [];
  let commit = 0;
  let acknowledged = 0;
  for (const message of messages) {
    if (message.kind === "appendEntries") {
      for (const { index } of message.entries) entries.add(index);
      commit = Math.max(commit, message.leaderCommit);
    } else if (message.kind === "appendEntriesResponse") {
      if (message.rejected) rejections.push(message.index);
      else acknowledged = Math.max(acknowledged, message.index);
    }
  }
  return { entries, rejections, commit, acknowledged };
}
