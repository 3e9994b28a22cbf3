// Goal: however a membership is changed, it stays well-formed, and the joint way leads to the same end as the simple one. Method: random
// sequences of changes; a simple change by steps and the same steps through a joint configuration must agree; while joint, the quorums of
// before, of between and of after intersect.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  asMemberId,
  type MemberId,
  type MembershipChange,
  type MembershipState,
  asIndex,
} from "../src/types.ts";
import { changeSimply, enterJoint, leaveJoint, NO_MEMBERS } from "../src/membership.ts";
import {
  decodeMembershipChange,
  encodeMembershipChange,
  MembershipCodecError,
} from "../src/membershipCodec.ts";
import { Tracker } from "../src/tracker.ts";

type Steps = MembershipChange["steps"];

const member = fc.integer({ min: 0, max: 5 }).map(asMemberId);
const op = fc.constantFrom("addVoter", "addLearner", "remove", "update");
const step = fc.record({ op, member });
const steps = fc.array(step, { maxLength: 5 });
const transition = fc.constantFrom("auto", "jointImplicit", "jointExplicit");

function apply(membership: MembershipState, list: Steps): MembershipState | undefined {
  const outcome = changeSimply(membership, list);
  return outcome.kind === "changed" ? outcome.membership : undefined;
}

function viaJoint(membership: MembershipState, list: Steps): MembershipState | undefined {
  const entered = enterJoint(membership, false, list);
  if (entered.kind === "refused") return undefined;
  const left = leaveJoint(entered.membership);
  return left.kind === "changed" ? left.membership : undefined;
}

/** A membership that simple changes lead to, with at least one voter. */
const reachable = fc.array(step, { maxLength: 12 }).map((list) => {
  let membership = apply(NO_MEMBERS, [{ op: "addVoter", member: asMemberId(1) }]) ?? NO_MEMBERS;
  for (const one of list) membership = apply(membership, [one]) ?? membership;
  return membership;
});

/** The bytes after a round trip, or the code of the error. */
function rewritten(bytes: Uint8Array): string {
  try {
    return String(encodeMembershipChange(decodeMembershipChange(bytes)));
  } catch (error) {
    if (error instanceof MembershipCodecError) return error.code;
    throw error;
  }
}

function majorities(voters: readonly MemberId[]): readonly (readonly MemberId[])[] {
  const subsets = voters.reduce<MemberId[][]>(
    (all, id) => [...all, ...all.map((set) => [...set, id])],
    [[]],
  );
  return subsets.filter((set) => set.length * 2 > voters.length);
}

// Keeps R27.
describe("random changes", () => {
  test("one step by itself and through a joint configuration agree", () => {
    fc.assert(
      fc.property(reachable, step, (membership, one) => {
        const simple = apply(membership, [one]);
        const joint = viaJoint(membership, [one]);
        expect(joint).toEqual(simple);
      }),
    );
  });

  test("many steps one after the other and at once through a joint configuration have the same voters", () => {
    fc.assert(
      fc.property(reachable, steps, (membership, list) => {
        let simple: MembershipState | undefined = membership;
        for (const one of list) simple = simple && apply(simple, [one]);
        fc.pre(simple !== undefined);
        expect(viaJoint(membership, list)?.voters).toEqual(simple?.voters);
      }),
    );
  });

  // Keeps R22.
  test("every quorum of a joint configuration meets every quorum of before and of after", () => {
    fc.assert(
      fc.property(reachable, steps, (membership, list) => {
        const entered = enterJoint(membership, true, list);
        fc.pre(membership.voters.length + list.length <= 7);
        if (entered.kind === "refused") return;
        const { voters, votersOutgoing } = entered.membership;
        expect(votersOutgoing).toEqual(membership.voters);
        for (const incoming of majorities(voters)) {
          for (const outgoing of majorities(votersOutgoing)) {
            const joint = new Set([...incoming, ...outgoing]);
            for (const half of [voters, votersOutgoing]) {
              for (const quorum of majorities(half)) {
                expect(quorum.some((id) => joint.has(id))).toBe(true);
              }
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  // Keeps R22.
  test("two memberships a simple change apart have intersecting quorums", () => {
    fc.assert(
      fc.property(reachable, steps, (before, list) => {
        const after = apply(before, list);
        fc.pre(after !== undefined);
        for (const one of majorities(before.voters)) {
          for (const other of majorities(after?.voters ?? [])) {
            expect(one.some((id) => other.includes(id))).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("a tracker keeps the progress of who stays and begins anew for who is added", () => {
    fc.assert(
      fc.property(reachable, steps, (membership, list) => {
        const tracker = new Tracker(8, 0);
        tracker.adopt(membership, [], asIndex(5));
        for (const progress of tracker.members) progress.maybeUpdate(asIndex(3));
        const outcome = changeSimply(membership, list);
        if (outcome.kind === "refused") return;
        tracker.adopt(outcome.membership, outcome.added, asIndex(9));
        for (const progress of tracker.members) {
          const added = outcome.added.includes(progress.member);
          expect(progress.matchIndex).toBe(added ? 0 : 3);
          expect(progress.learner).toBe(outcome.membership.learners.includes(progress.member));
        }
      }),
    );
  });
});

// Keeps R27.
describe("encoding", () => {
  const context = fc.uint8Array({ maxLength: 20 });
  const general = fc.record({ format: fc.constant(2 as const), transition, steps, context });
  const oneStep = fc.record({
    format: fc.constant(1 as const),
    transition: fc.constant("auto" as const),
    steps: fc.tuple(step),
    context,
  });

  test("reads back as it was written", () => {
    fc.assert(
      fc.property(fc.oneof(general, oneStep), (change) => {
        expect(decodeMembershipChange(encodeMembershipChange(change))).toEqual(change);
      }),
    );
  });

  test("leaving a joint configuration takes no bytes", () => {
    const leave = decodeMembershipChange(new Uint8Array(0));
    expect(leave).toMatchObject({ format: 2, transition: "auto", steps: [] });
    expect(encodeMembershipChange(leave)).toHaveLength(0);
  });

  test("any other bytes give a coded error or a change that is written back the same", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (bytes) => {
        // Leaving a joint configuration has a shorter form than the header alone.
        fc.pre(!(bytes.length === 4 && bytes[0] === 2 && bytes[1] === 0));
        expect([String(bytes), "ERR_MEMBERSHIP_MALFORMED"]).toContain(rewritten(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    { format: 1, transition: "auto", count: 0 },
    { format: 1, transition: "auto", count: 2 },
    { format: 1, transition: "jointExplicit", count: 1 },
  ] as const)("format $format cannot say $count steps with $transition", (scene) => {
    const list = Array.from({ length: scene.count }, () => ({
      op: "addVoter" as const,
      member: asMemberId(1),
    }));
    const change = { ...scene, steps: list, context: new Uint8Array(0) };
    expect(() => encodeMembershipChange(change)).toThrow(MembershipCodecError);
  });
});
