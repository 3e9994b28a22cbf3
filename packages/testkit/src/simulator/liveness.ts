import type { LogUnderTest } from "./logUnderTest.ts";
import type { SimulatedReplica } from "./simulatedReplica.ts";
import type { World } from "./world.ts";

/**
 * After the faults: one leader a log, everything answered, everybody converged, every queue empty. Undefined when all of this holds, else
 * the first thing that does not yet.
 */
export function settlement(
  world: World,
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

function logSettlement(log: LogUnderTest): string | undefined {
  const living = log.replicas.filter(({ host }) => !host.dead);
  const down = living.find(({ replica }) => replica === undefined);
  if (down !== undefined) return `n${down.node} is down`;
  const leaders = living.filter(({ replica }) => replica?.role === "leader");
  if (leaders.length !== 1) return `${leaders.length} leaders`;
  for (const replica of living) {
    const problem = replicaSettlement(log, replica);
    if (problem !== undefined) return `n${replica.node} ${problem}`;
  }
  return undefined;
}

function replicaSettlement(log: LogUnderTest, target: SimulatedReplica): string | undefined {
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
