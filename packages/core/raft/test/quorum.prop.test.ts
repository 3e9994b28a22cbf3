// Goal: quorum arithmetic is right for every configuration. Method: random configurations against versions that follow the definitions to
// the letter and do nothing clever.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asMemberId, type MemberId } from "../src/types.ts";
import { jointCommitted, jointVote, majorityCommitted, majorityVote } from "../src/quorum.ts";

const voters = fc.uniqueArray(fc.integer({ min: 1, max: 9 }).map(asMemberId), { maxLength: 9 });
const acks = fc.dictionary(fc.stringMatching(/^[1-9]$/), fc.nat(20));
const votes = fc.dictionary(fc.stringMatching(/^[1-9]$/), fc.boolean());

function toMap<Value>(record: Record<string, Value>): Map<MemberId, Value> {
  return new Map(Object.entries(record).map(([id, value]) => [asMemberId(Number(id)), value]));
}

/** By definition: the highest index for which more than half of the voters have reached it. */
function plainCommitted(ids: readonly MemberId[], acked: ReadonlyMap<MemberId, number>): number {
  if (ids.length === 0) return Number.POSITIVE_INFINITY;
  for (let index = 20; index > 0; index -= 1) {
    if (ids.filter((id) => (acked.get(id) ?? 0) >= index).length * 2 > ids.length) return index;
  }
  return 0;
}

/** By definition: decided if it stays so however the missing votes fall. */
function plainVote(ids: readonly MemberId[], cast: ReadonlyMap<MemberId, boolean>): string {
  const wins = (missing: boolean): boolean =>
    ids.filter((id) => cast.get(id) ?? missing).length * 2 > ids.length || ids.length === 0;
  if (wins(false)) return "won";
  return wins(true) ? "pending" : "lost";
}

// Keeps R8.
describe("committed index", () => {
  test("of a majority is what the definition says", () => {
    fc.assert(
      fc.property(voters, acks, (ids, record) => {
        const acked = toMap(record);
        expect(majorityCommitted(ids, (id) => acked.get(id))).toBe(plainCommitted(ids, acked));
      }),
    );
  });

  test("of a joint configuration is the lower of the halves, whichever is first", () => {
    fc.assert(
      fc.property(voters, voters, acks, (one, other, record) => {
        const acked = toMap(record);
        const get = (id: MemberId): number | undefined => acked.get(id);
        const lower = Math.min(plainCommitted(one, acked), plainCommitted(other, acked));
        expect(jointCommitted(one, other, get)).toBe(lower);
        expect(jointCommitted(other, one, get)).toBe(lower);
      }),
    );
  });

  test("never falls when somebody acknowledges more", () => {
    fc.assert(
      fc.property(
        voters,
        acks,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(20),
        (ids, record, who, more) => {
          const acked = toMap(record);
          const before = majorityCommitted(ids, (id) => acked.get(id));
          const id = asMemberId(who);
          acked.set(id, Math.max(acked.get(id) ?? 0, more));
          expect(majorityCommitted(ids, (voter) => acked.get(voter))).toBeGreaterThanOrEqual(
            before,
          );
        },
      ),
    );
  });
});

describe("votes", () => {
  test("of a majority are decided as the definition says", () => {
    fc.assert(
      fc.property(voters, votes, (ids, record) => {
        const cast = toMap(record);
        expect(majorityVote(ids, cast)).toBe(plainVote(ids, cast));
      }),
    );
  });

  test("of a joint configuration are won in both halves, and lost in either", () => {
    fc.assert(
      fc.property(voters, voters, votes, (one, other, record) => {
        const cast = toMap(record);
        const halves = [plainVote(one, cast), plainVote(other, cast)];
        const expected = halves.includes("lost")
          ? "lost"
          : halves.includes("pending")
            ? "pending"
            : "won";
        expect(jointVote(one, other, cast)).toBe(expected);
        expect(jointVote(other, one, cast)).toBe(expected);
      }),
    );
  });
});

// Keeps R22.
test("any two quorums of one configuration share a voter", () => {
  fc.assert(
    fc.property(voters, votes, (ids, record) => {
      fc.pre(ids.length > 0);
      const cast = toMap(record);
      const inverse = new Map(ids.map((id) => [id, !(cast.get(id) ?? false)]));
      const both = majorityVote(ids, cast) === "won" && majorityVote(ids, inverse) === "won";
      expect(both).toBe(false);
    }),
  );
});
