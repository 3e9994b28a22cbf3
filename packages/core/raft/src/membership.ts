import { invariant } from "./invariant.ts";
import type { MemberId, MembershipChange, MembershipState } from "./types.ts";

/** Why a change cannot be made to a membership. */
export type MembershipRefusal =
  | "alreadyJoint"
  | "noVoters"
  | "notJoint"
  | "jointNeedsLeaving"
  | "allVotersRemoved"
  | "manyVotersChanged";

/** A membership after a change, or why there is none. Nothing is modified in place. */
export type MembershipOutcome =
  | {
      readonly kind: "changed";
      readonly membership: MembershipState;
      /** Members that are tracked anew: added, or removed and added again within the change. Ascending. */
      readonly added: readonly MemberId[];
    }
  | { readonly kind: "refused"; readonly reason: MembershipRefusal };

type Steps = MembershipChange["steps"];

/** No members at all: what a node has before it is told otherwise. */
export const NO_MEMBERS: MembershipState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export function isJoint(membership: MembershipState): boolean {
  return membership.votersOutgoing.length > 0;
}

/** Every voter of either half, ascending. */
export function allVoters(membership: MembershipState): readonly MemberId[] {
  return isJoint(membership)
    ? sorted(new Set([...membership.voters, ...membership.votersOutgoing]))
    : membership.voters;
}

/** Every member that a leader keeps progress of, ascending. */
export function allMembers(membership: MembershipState): readonly MemberId[] {
  return sorted(
    new Set([...membership.voters, ...membership.votersOutgoing, ...membership.learners]),
  );
}

/** Whether the change does nothing but leave a joint configuration. */
function leavesJoint(change: MembershipChange): boolean {
  return change.steps.length === 0 && change.transition === "auto";
}

/** Makes `change` to `membership`: leaves a joint configuration, enters one, or changes at most one voter in one step. */
export function changeMembership(
  membership: MembershipState,
  change: MembershipChange,
): MembershipOutcome {
  if (leavesJoint(change)) return leaveJoint(membership);
  // Two additions of learners would need no joint consensus, but whether that is so depends on the base: joint is always right.
  if (change.transition !== "auto" || change.steps.length > 1) {
    return enterJoint(membership, change.transition !== "jointExplicit", change.steps);
  }
  return changeSimply(membership, change.steps);
}

/** Changes at most one voter, without a joint phase (thesis §4.2): any two majorities still intersect. */
export function changeSimply(membership: MembershipState, steps: Steps): MembershipOutcome {
  if (isJoint(membership)) return { kind: "refused", reason: "jointNeedsLeaving" };
  const draft = new Draft(membership);
  draft.take(steps);
  if (draft.voters.size === 0) return { kind: "refused", reason: "allVotersRemoved" };
  if (symmetricDifference(new Set(membership.voters), draft.voters) > 1) {
    return { kind: "refused", reason: "manyVotersChanged" };
  }
  return draft.outcome(false);
}

/** Enters C(old,new) (Raft §6): the present voters become the outgoing half, the changes are made to the incoming one. */
export function enterJoint(
  membership: MembershipState,
  autoLeave: boolean,
  steps: Steps,
): MembershipOutcome {
  if (isJoint(membership)) return { kind: "refused", reason: "alreadyJoint" };
  if (membership.voters.length === 0) return { kind: "refused", reason: "noVoters" };
  const draft = new Draft({ ...membership, votersOutgoing: membership.voters });
  draft.take(steps);
  if (draft.voters.size === 0) return { kind: "refused", reason: "allVotersRemoved" };
  return draft.outcome(autoLeave);
}

/** Leaves C(old,new) for C(new): the outgoing half goes, learners that had to wait for that become learners. */
export function leaveJoint(membership: MembershipState): MembershipOutcome {
  if (!isJoint(membership)) return { kind: "refused", reason: "notJoint" };
  const changed: MembershipState = {
    voters: membership.voters,
    votersOutgoing: [],
    learners: sorted(new Set([...membership.learners, ...membership.learnersNext])),
    learnersNext: [],
    autoLeave: false,
  };
  assertMembership(changed);
  return { kind: "changed", membership: changed, added: [] };
}

/** What is wrong with a membership from a disk or a peer; undefined if its lists are ascending and disjoint as they must be. */
export function membershipProblem(membership: MembershipState): string | undefined {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = membership;
  for (const [name, list] of Object.entries({ voters, votersOutgoing, learners, learnersNext })) {
    if (!list.every((id, i) => id > 0 && (i === 0 || (list[i - 1] ?? 0) < id))) {
      return `${name} (${list.join(" ")}) must be ascending ids without 0`;
    }
  }
  const voting = new Set([...voters, ...votersOutgoing]);
  for (const id of learners) {
    if (voting.has(id)) return `member ${id} is a learner and a voter`;
  }
  for (const id of learnersNext) {
    if (!votersOutgoing.includes(id)) return `future learner ${id} is no outgoing voter`;
    if (voters.includes(id)) return `future learner ${id} is an incoming voter`;
  }
  if (votersOutgoing.length === 0 && autoLeave) {
    return "autoLeave is set in a configuration that is not joint";
  }
  return undefined;
}

/** Throws if there is anything wrong with `membership`. */
export function assertMembership(membership: MembershipState): void {
  const problem = membershipProblem(membership);
  invariant(problem === undefined, `membership: ${problem}`);
}

/** A membership while steps are taken on it, in their order. */
class Draft {
  readonly voters: Set<MemberId>;
  readonly #outgoing: ReadonlySet<MemberId>;
  readonly #learners: Set<MemberId>;
  readonly #learnersNext: Set<MemberId>;
  readonly #added = new Set<MemberId>();

  constructor(membership: MembershipState) {
    this.voters = new Set(membership.voters);
    this.#outgoing = new Set(membership.votersOutgoing);
    this.#learners = new Set(membership.learners);
    this.#learnersNext = new Set(membership.learnersNext);
  }

  take(steps: Steps): void {
    for (const { op, member } of steps) {
      // 0 is nobody: whoever applies changes may cancel a step by writing 0 into it.
      if (member === 0) continue;
      if (op === "addVoter") this.#addVoter(member);
      else if (op === "addLearner") this.#addLearner(member);
      else if (op === "remove") this.#remove(member);
    }
  }

  outcome(autoLeave: boolean): MembershipOutcome {
    const membership: MembershipState = {
      voters: sorted(this.voters),
      votersOutgoing: sorted(this.#outgoing),
      learners: sorted(this.#learners),
      learnersNext: sorted(this.#learnersNext),
      autoLeave,
    };
    assertMembership(membership);
    return { kind: "changed", membership, added: sorted(this.#added) };
  }

  #tracked(member: MemberId): boolean {
    return this.voters.has(member) || this.#outgoing.has(member) || this.#learners.has(member);
  }

  #addVoter(member: MemberId): void {
    if (!this.#tracked(member)) this.#added.add(member);
    this.#learners.delete(member);
    this.#learnersNext.delete(member);
    this.voters.add(member);
  }

  /** An outgoing voter cannot be a learner at the same time: it waits in learnersNext until the joint configuration is left. */
  #addLearner(member: MemberId): void {
    if (!this.#tracked(member)) this.#added.add(member);
    if (this.#learners.has(member)) return;
    this.voters.delete(member);
    if (this.#outgoing.has(member)) this.#learnersNext.add(member);
    else this.#learners.add(member);
  }

  #remove(member: MemberId): void {
    this.voters.delete(member);
    this.#learners.delete(member);
    this.#learnersNext.delete(member);
    if (!this.#outgoing.has(member)) this.#added.delete(member);
  }
}

function sorted(ids: Iterable<MemberId>): readonly MemberId[] {
  return [...ids].sort((a, b) => a - b);
}

function symmetricDifference(one: ReadonlySet<MemberId>, other: ReadonlySet<MemberId>): number {
  let count = 0;
  for (const id of one) if (!other.has(id)) count += 1;
  for (const id of other) if (!one.has(id)) count += 1;
  return count;
}
