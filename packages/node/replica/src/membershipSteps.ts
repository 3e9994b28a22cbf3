import type { MemberId, MembershipChange, RaftStatus } from "@annals/raft";

/** A learner this close to the commit index, in entries, is caught up: what is left comes while the change is made. */
const PROMOTION_GAP = 64;

type Step = MembershipChange["steps"][number];

/**
 * The next membership change that brings a log from what it has to `desired`, or undefined if there is nothing to do now. A new member
 * comes in as a learner, is promoted when it has caught up, and its predecessor leaves in the same joint change (thesis §4.2.1, §4.3): at
 * no time is there a quorum that a blank disk belongs to.
 */
export function nextMembershipChange(
  status: RaftStatus,
  desired: readonly MemberId[],
): MembershipChange | undefined {
  const { voters, votersOutgoing, learners } = status.membership;
  // A joint configuration is left by the leader itself.
  if (votersOutgoing.length > 0) return undefined;
  const missing = desired.filter((member) => !voters.includes(member));
  const blank = missing.find((member) => !learners.includes(member));
  if (blank !== undefined) return changeOf([{ op: "addLearner", member: blank }]);
  const promoted = missing.filter((member) => caughtUp(status, member));
  const surplus = voters.filter((member) => !desired.includes(member));
  // As many leave as come: while a newcomer still catches up, its predecessor's place is kept. A leader that is to leave is removed by the
  // next one.
  const leaving = surplus
    .filter((member) => member !== status.id)
    .slice(0, Math.max(0, surplus.length - (missing.length - promoted.length)));
  const forgotten = learners.filter((member) => !desired.includes(member));
  return changeOf([
    ...promoted.map((member): Step => ({ op: "addVoter", member })),
    ...[...leaving, ...forgotten].map((member): Step => ({ op: "remove", member })),
  ]);
}

/** A member counts as active when it is taken in, so that a quorum check does not fail at once: only what it has acknowledged tells. */
function caughtUp(status: RaftStatus, member: MemberId): boolean {
  const progress = status.progress.find((one) => one.member === member);
  return (
    progress !== undefined &&
    progress.recentActive &&
    progress.matchIndex > 0 &&
    progress.matchIndex + PROMOTION_GAP >= status.commitIndex
  );
}

function changeOf(steps: readonly Step[]): MembershipChange | undefined {
  if (steps.length === 0) return undefined;
  return { format: 2, transition: "auto", steps, context: new Uint8Array() };
}
