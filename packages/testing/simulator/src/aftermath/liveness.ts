import { nextMembershipChange } from "@annals/replica";
import type { Log, Logs } from "../world/log.ts";
import type { Member } from "../world/machine.ts";

/**
 * After the faults: one leader a log, everything answered, everybody converged, every queue empty. Undefined when all of this holds, else
 * the first thing that does not yet.
 */
export function settlement(
  world: Logs,
  clients: readonly { readonly openRequests: number }[],
): string | undefined {
  const open = clients.reduce((sum, client) => sum + client.openRequests, 0);
  if (open > 0) return `${open} requests have no answer`;
  for (const log of world.logs) {
    const problem = logSettlement(log);
    if (problem !== undefined) return `log ${log.number}: ${problem}`;
  }
  return undefined;
}

function stillWanted({ replicas }: Log): readonly Member[] {
  return replicas.filter(({ host }) => !host.lost);
}

function logSettlement(log: Log): string | undefined {
  const running = stillWanted(log);
  const down = running.find(({ replica }) => replica === undefined);
  if (down !== undefined) return `n${down.node} is down`;
  const damaged = running.find(({ disk }) => disk.damaged.size > 0);
  if (damaged !== undefined) return `n${damaged.node} has damaged entries`;
  const leaders = running.filter(({ replica }) => replica?.role === "leader");
  const [leader] = leaders;
  if (leader === undefined || leaders.length > 1) return `${leaders.length} leaders`;
  const change = membershipProblem(log, leader);
  if (change !== undefined) return change;
  const { voters, learners } = leader.membership;
  const living = running.filter(({ id }) => voters.includes(id) || learners.includes(id));
  for (const replica of living) {
    const problem = replicaSettlement(log, replica);
    if (problem !== undefined) return `n${replica.node} ${problem}`;
    const producer = differingProducer(log, leader, replica);
    if (producer !== undefined)
      return `n${replica.node} knows ${producer} otherwise than the leader`;
  }
  return undefined;
}

/** All changes are made: nobody is missing but who is lost for good, and nobody is there who was to go. */
function membershipProblem(log: Log, leader: Member): string | undefined {
  const { world } = log;
  const status = leader.replica?.status().raft;
  if (status === undefined) return "the leader is down";
  const { voters, votersOutgoing } = status.membership;
  if (votersOutgoing.length > 0) return "the configuration is joint";
  const change = nextMembershipChange(status, leader.host.roster.members());
  if (change !== undefined) return "a membership change is to be made";
  const absent = world.wanted().filter((id) => !voters.includes(id));
  const staying = voters.filter((id) => world.leaving.has(id));
  // Whose successor does not come keeps its place.
  if (staying.length > absent.length) return `${staying.join(" ")} are still voters`;
  const missing = absent.find((id) => world.nodes[id - 1]?.up === true);
  return missing === undefined ? undefined : `n${missing} is no voter`;
}

/** What is known of producers is a function of the applied entries, so it is the same everywhere. */
function differingProducer(log: Log, leader: Member, replica: Member): string | undefined {
  const known = ({ replica: one }: Member, id: string): string =>
    JSON.stringify(one?.producers.get(id));
  return log.oracle.producers.find((id) => known(leader, id) !== known(replica, id));
}

function replicaSettlement(log: Log, target: Member): string | undefined {
  if (target.closing || target.failure !== undefined) return "is ending";
  const status = target.replica?.status();
  if (status === undefined) return "is down";
  const { applied, commitIndex, lastIndex, leader } = status.raft;
  if (leader === 0) return "knows no leader";
  if (applied !== log.committed.count || commitIndex !== applied || lastIndex !== applied)
    return `has applied ${applied}, committed ${commitIndex}, stored ${lastIndex} of ${log.committed.count}`;
  const receipts = log.receipts.openOf(target);
  if (receipts > 0) return `owes ${receipts} receipts`;
  const leftOver = log.bounds.leftOver(status);
  if (leftOver !== undefined) return `holds ${leftOver}`;
  const last = target.durable.stored.at(applied);
  if (last !== undefined && !log.committed.agrees(last)) return "has another log";
  return undefined;
}
