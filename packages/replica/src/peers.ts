import type { MemberId, Message, RaftStatus } from "@annals/raft";

/** The messages of one drain by their receiver, each in order. */
export function byMember(messages: readonly Message[]): ReadonlyMap<MemberId, readonly Message[]> {
  const groups = new Map<MemberId, Message[]>();
  for (const message of messages) {
    const group = groups.get(message.to);
    if (group === undefined) groups.set(message.to, [message]);
    else group.push(message);
  }
  return groups;
}

/** The voter that would lose least time as leader. */
export function furthestFollower(status: RaftStatus, self: MemberId): MemberId | undefined {
  return status.progress
    .filter(({ member, learner, recentActive }) => member !== self && !learner && recentActive)
    .toSorted((a, b) => b.matchIndex - a.matchIndex)[0]?.member;
}
