// Goal: a leader whose clock is wrong hands over only to who would lose nothing by it, and changes of the membership come one after the
// other. Method: a core that says what it is told to.
import { asIndex, asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { expect, it } from "vitest";
import { Steering } from "../src/steering.ts";

const COMMITTED = 9;

/** Whom member 1 hands over to, of members 2 and 3 with these matches. */
function handedTo(matches: readonly number[], trusted: readonly number[]): readonly MemberId[] {
  const handed: MemberId[] = [];
  const progress = matches.map((match, k) => ({
    member: asMemberId(2 + k),
    matchIndex: asIndex(match),
    learner: false,
    recentActive: true,
  }));
  const steering = new Steering({
    self: asMemberId(1),
    core: {
      status: () => ({ progress, commitIndex: asIndex(COMMITTED) }),
      transferLeadership: () => undefined,
    } as never,
    accepting: () => true,
    appliedIndex: () => asIndex(COMMITTED),
    stamps: { off: true, trusts: (node: string) => trusted.includes(Number(node)) } as never,
    nodeOf: String,
    onClockHandOver: (to) => void handed.push(to),
  });
  steering.handOverForClock(0);
  return handed;
}

it.each<[string, readonly number[], readonly number[], readonly number[]]>([
  ["the only one that is caught up", [COMMITTED, COMMITTED - 1], [2, 3], [2]],
  ["the furthest of those that are", [COMMITTED, COMMITTED + 1], [2, 3], [3]],
  ["nobody while all lag", [COMMITTED - 1, COMMITTED - 1], [2, 3], []],
  ["nobody whose clock is wrong, too", [COMMITTED, COMMITTED - 1], [3], []],
])("hands over to %s", (_what, matches, trusted, expected) => {
  expect(handedTo(matches, trusted)).toEqual(expected);
});

it("proposes a change of the membership as soon as the one before is applied, and not earlier", () => {
  const LAST_INDEX = 7;
  let [applied, proposed] = [0, 0];
  const steering = new Steering({
    self: asMemberId(1),
    core: {
      proposeMembership: () => {
        proposed++;
        return { kind: "accepted", lastIndex: asIndex(LAST_INDEX) };
      },
    } as never,
    accepting: () => true,
    appliedIndex: () => asIndex(applied),
    stamps: {} as never,
    nodeOf: String,
    onClockHandOver: () => undefined,
  });
  const steps = [{ op: "addLearner", member: asMemberId(4) }] as const;
  const propose = (): void =>
    steering.proposeMembership({
      format: 2,
      transition: "auto",
      steps,
      context: new Uint8Array(0),
    });
  propose();
  applied = LAST_INDEX - 1;
  propose();
  expect(proposed).toBe(1);
  applied = LAST_INDEX;
  propose();
  expect(proposed).toBe(2);
});
