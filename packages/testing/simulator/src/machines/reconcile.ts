import type { MemberId } from "@annals/raft";
import { nextMembershipChange } from "@annals/replica";
import { encodeRosterCommand, SYSTEM_LOG } from "../world/roster.ts";
import type { RosterCommand } from "../world/roster.ts";
import type { Cluster } from "../world/cluster.ts";
import type { Logs } from "../world/log.ts";
import type { Host, Member } from "../world/machine.ts";

/**
 * What a node does from time to time where it leads, as the server does: the leader of the system log records who came and went, the leader
 * of each log brings its membership towards what is recorded, by the code of production.
 */
export function reconcile(node: Host, world: Cluster & Logs): void {
  for (const target of node.replicas) {
    const { replica, log } = target;
    if (replica?.role !== "leader" || target.closing || target.failure !== undefined) continue;
    if (log === SYSTEM_LOG) recordNext(target, world);
    const desired = desiredOf(target, world);
    const { roster } = target.host;
    if (desired.some((member) => !roster.members().includes(member) && !roster.isGone(member)))
      world.journal.note("unheardKept", node.id, log, desired.length);
    const change = nextMembershipChange(replica.status().raft, desired);
    if (change !== undefined) {
      world.journal.note("membership", node.id, log, change.steps.length, () =>
        change.steps.map(({ op, member }) => `${op} ${member}`).join(", "),
      );
      replica.proposeMembership(change);
    } else if (!desired.includes(target.id)) {
      replica.transferLeadership();
    }
  }
}

/**
 * Whom this leader's roster has, and voters that it has not heard of: a newcomer of which the news is on the way is not to be removed. (In
 * production there are as many members as nodes, and one leaves only for its successor.) Whoever leaves is taken out of the system log
 * last, so that it hears of what is to become of the logs that it may still lead.
 */
function desiredOf(
  { host, log, membership }: Member,
  { logs, leaving }: Cluster & Logs,
): readonly MemberId[] {
  const { roster } = host;
  const known = roster.members();
  const unheard = membership.voters.filter(
    (member) => !known.includes(member) && !roster.isGone(member),
  );
  const members = [...known, ...unheard].toSorted((a, b) => a - b);
  if (log !== SYSTEM_LOG) return members;
  const elsewhere = logs
    .filter(({ number }) => number !== SYSTEM_LOG)
    .flatMap(({ configurations, committed }) => configurations.inForce(committed.count).membership)
    .flatMap(({ voters, votersOutgoing }) => [...voters, ...votersOutgoing]);
  const staying = membership.voters.filter(
    (member) => leaving.has(member) && elsewhere.includes(member),
  );
  return [...new Set([...members, ...staying])].toSorted((a, b) => a - b);
}

/** The same command may come twice: only the first counts. */
function recordNext({ host, replica, log }: Member, world: Cluster & Logs): void {
  const command = nextCommand(host, world);
  if (command === undefined) return;
  const { op, place, member } = command;
  world.journal.note("roster", host.id, log, member, () => `${op} ${place} ${member}`);
  replica?.command(encodeRosterCommand(command)).catch(() => undefined);
}

/** Somebody who wants to leave, or a connected machine that is not on the roster, unless the one known for its place is alive. */
function nextCommand(host: Host, world: Cluster & Logs): RosterCommand | undefined {
  const { roster } = host;
  for (const member of world.leaving) {
    const place = world.nodes[member - 1]?.place ?? 0;
    if (roster.memberAt(place) === member) return { op: "leave", place, member };
  }
  for (const { id, place } of world.inService) {
    const known = roster.memberAt(place);
    if (known === id || roster.isGone(id) || !world.network.connects(host.id, id)) continue;
    if (known === undefined || !world.network.connects(host.id, known))
      return { op: "settle", place, member: id };
  }
  return undefined;
}
