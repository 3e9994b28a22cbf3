import type { MembershipState } from "@annals/raft";

type Halves = Pick<MembershipState, "voters" | "votersOutgoing">;

/** Whether those that `has` names are a majority of each half (Raft §6). Counted here, not by the code under test. */
export function isQuorum(
  { voters, votersOutgoing }: Halves,
  has: (member: number) => boolean,
): boolean {
  return (
    isMajority(voters, has) && (votersOutgoing.length === 0 || isMajority(votersOutgoing, has))
  );
}

function isMajority(voters: readonly number[], has: (member: number) => boolean): boolean {
  let count = 0;
  for (const voter of voters) if (has(voter)) count++;
  return count * 2 > voters.length;
}

/** Whether every quorum of `one` has a member in common with every quorum of `other`: looks at every way to part the voters. */
export function quorumsIntersect(one: Halves, other: Halves): boolean {
  const members = [one, other].flatMap(({ voters, votersOutgoing }) => [
    ...voters,
    ...votersOutgoing,
  ]);
  const all = [...new Set<number>(members)];
  for (let part = 0; part < 2 ** all.length; part++) {
    const inPart = (member: number): boolean => (part & (1 << all.indexOf(member))) !== 0;
    if (isQuorum(one, inPart) && isQuorum(other, (member) => !inPart(member))) return false;
  }
  return true;
}
