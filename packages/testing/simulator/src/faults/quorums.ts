import { changeMembership, decodeMembershipChange } from "@annals/raft";
import type { MembershipState } from "@annals/raft";
import { isQuorum } from "@annals/check";
import type { Log, Logs } from "../world/log.ts";
import type { Machines } from "../world/machine.ts";

type Halves = Pick<MembershipState, "voters" | "votersOutgoing">;

/** Members on their way in or out that are looked at in every combination. */
const OPEN_MAX = 8;

/**
 * Whether the cluster can live with `members` alone, all others lost for good: they are a quorum of every configuration that may still
 * decide an election in any log, of the one that a change under way leads to, and of the one that is wanted in the end. What faults take
 * away for good keeps to this, so a cluster that does not come to rest has a bug.
 */
export function sustains(world: Machines & Logs, members: ReadonlySet<number>): boolean {
  const has = (member: number): boolean => members.has(member);
  const wanted = { voters: world.wanted(), votersOutgoing: [] };
  if (wanted.voters.length === 0 || !isQuorum(wanted, has)) return false;
  return world.logs.every((log) =>
    [...possibleConfigurations(log, members), ...onTheWay(log, world)].every((one) =>
      isQuorum(one, has),
    ),
  );
}

/** Whatever a log may have as its voters on the way from what it has to what is wanted: members come and go in any order. */
function onTheWay({ configurations, committed }: Log, world: Machines & Logs): readonly Halves[] {
  const wanted = world.wanted();
  const { voters, learners } = configurations.inForce(committed.count).membership;
  // Whoever is on the way in may be promoted just before or after it is lost: what is known of it is an election timeout old.
  const newcomers = new Set([...learners, ...wanted.filter((id) => !isDead(world, id))]);
  const coming = [...newcomers].filter((member) => !voters.includes(member));
  const going = voters.filter((member) => !wanted.includes(member));
  const staying = voters.filter((member) => wanted.includes(member));
  const open = [...coming, ...going].slice(0, OPEN_MAX);
  return Array.from({ length: 2 ** open.length }, (_, part) => ({
    voters: [...staying, ...open.filter((_member, bit) => (part & (1 << bit)) !== 0)],
    votersOutgoing: [],
  })).filter(({ voters: some }) => some.length > 0);
}

function isDead(world: Machines & Logs, member: number): boolean {
  return world.nodes[member - 1]?.dead ?? true;
}

/** Those that some of `members` may stand for election in after a crash now, the newest, and what changes on any disk lead to. */
function possibleConfigurations(
  { replicas, configurations, committed }: Log,
  members: ReadonlySet<number>,
): readonly MembershipState[] {
  const { history } = configurations;
  const newest = configurations.inForce(committed.count);
  const possible = new Set([newest.membership]);
  for (const { id, durable } of replicas) {
    if (members.has(id)) {
      const from = configurations.inForce(durable.appliedIndex).index;
      for (const { index, membership } of history)
        if (index >= from && votes(membership, id)) possible.add(membership);
    }
    for (let index = committed.count + 1; index <= durable.stored.count; index++) {
      const entry = durable.stored.at(index)?.entry;
      if (entry?.kind !== "membership") continue;
      const outcome = changeMembership(newest.membership, decodeMembershipChange(entry.data));
      if (outcome.kind === "changed") possible.add(outcome.membership);
    }
  }
  return [...possible];
}

function votes({ voters, votersOutgoing }: MembershipState, member: number): boolean {
  return [...voters, ...votersOutgoing].some((one) => one === member);
}
