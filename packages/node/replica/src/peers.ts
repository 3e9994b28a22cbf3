import type { MemberId, RaftStatus } from "@annals/raft";

/** The voter that would lose least time as leader. */
export function furthestFollower(
  status: Pick<RaftStatus, "progress">,
  self: MemberId,
): MemberId | undefined {
  return status.progress
    .filter(({ member, learner, recentActive }) => member !== self && !learner && recentActive)
    .toSorted((a, b) => b.matchIndex - a.matchIndex)[0]?.member;
}
