/**
 * Goal: who has carried a decision out comes to be on record, by the word of that very member. Method: the watch over nodes that are asked
 * in memory.
 */
import { asMemberId } from "@annals/raft";
import { decodeCommand, Roster } from "@annals/system";
import pino from "pino";
import { expect, test } from "vitest";
import { newPlace } from "../../src/logDirectory.ts";
import { DecisionWatch } from "../../src/resolution/decisionWatch.ts";
import type { PeerCopy } from "../../src/resolution/peerCopies.ts";

const MEMBERS = [1, 2, 3].map(asMemberId);
const done = (decision: number): PeerCopy => ({
  state: "open",
  decision: { decision, carriedOut: true },
});

/** The members that are recorded after so many looks at who leads. */
async function recorded(
  copies: Readonly<Record<string, PeerCopy>>,
  connected: ReadonlyMap<string, number>,
  looks = 3,
): Promise<readonly unknown[]> {
  const decision = { index: 17, keep: "a", member: MEMBERS[0] ?? asMemberId(1), by: "ada", at: 1 };
  const pending = { ...decision, pending: MEMBERS, judged: 17 };
  const place = newPlace({ id: 5, name: "audit", voters: MEMBERS, decision: pending }, false);
  place.carriedOut = 17;
  const members = MEMBERS.map((member, k) => ({ node: "abc".charAt(k), member }));
  const commits: unknown[] = [];
  let left = looks;
  let over = (): void => undefined;
  const looked = new Promise<void>((resolve) => (over = resolve));
  const watch = new DecisionWatch({
    self: asMemberId(1),
    roster: new Roster(members),
    places: () => [place],
    connected: () => new Map([...connected].map(([node, member]) => [node, asMemberId(member)])),
    ask: async (node) => copies[node],
    leading: () => {
      if (left-- > 0) return true;
      over();
      return false;
    },
    commit: async (bytes) => void commits.push(decodeCommand(bytes)),
    logger: pino({ level: "silent" }),
    intervalMs: 1,
  });
  await looked;
  watch.close();
  return commits.slice(0, MEMBERS.length);
}

const by = (member: number) => ({
  op: "decisionCarriedOut",
  log: "audit",
  decision: 17,
  member,
});

test("those that say so are recorded, this node by what it knows", async () => {
  const copies = { b: done(17), c: done(16) };
  const connected = new Map([
    ["b", 2],
    ["c", 3],
  ]);
  expect(await recorded(copies, connected, 1)).toEqual([by(1), by(2)]);
});

test("another incarnation of a node speaks of another copy", async () => {
  expect(await recorded({ b: done(17) }, new Map([["b", 9]]), 1)).toEqual([by(1)]);
  expect(await recorded({ b: done(17) }, new Map(), 1)).toEqual([by(1)]);
});
