import type { NodeConfig } from "@annals/config";
import type { HostedLogStatus } from "@annals/worker";
import type { GroupStatus, LogStatus, ReplicaStatus } from "@annals/api";
import { decisionInfo } from "./decisionInfo.ts";
import type { Gateway } from "./gateway.ts";
import type { LogPlace } from "./logDirectory.ts";
import { decisionReasons, isolationReason, silent, troubles } from "./reasons.ts";

/** What is to be said of one log of a node. */
export interface LogReport {
  readonly status: LogStatus;
  readonly groups: readonly GroupStatus[];
  readonly reasons: readonly string[];
}

export interface LogReportView {
  readonly config: NodeConfig;
  readonly gateway: Gateway;
  /** Reasons for which the sockets of a log's inbound links are paused. */
  readonly paused: (logId: number) => readonly { readonly reasons: readonly string[] }[];
}

/** Never rejects: a log that does not answer is told as such. */
export async function logReport(view: LogReportView, place: LogPlace): Promise<LogReport> {
  const { gateway } = view;
  const status = await gateway.request<"status">(place, { op: "status" }).catch(() => undefined);
  const { id, name, decision } = place.entry;
  const isolation = gateway.pool.isolationOf(id);
  return {
    status: {
      name,
      leader: gateway.nodeName(place.leader),
      term: place.term,
      elections: place.elections,
      commitIndex: status?.raft.commitIndex ?? 0,
      appliedIndex: status?.raft.applied ?? 0,
      lastIndex: status?.raft.lastIndex ?? 0,
      lastSeq: status?.appliedSeq ?? 0,
      headHash: status?.headHash,
      diverged: status?.diverged,
      decision: decisionInfo(decision, gateway.roster),
      replicas: replicas(view, place, status),
      pendingBytes: status?.pendingBytes.current ?? 0,
      flushes: status?.flushes ?? 0,
      blobsNotSaved: status?.blobsNotSaved ?? 0,
      clockHandOvers: status?.clockHandOvers ?? 0,
      isolation,
    },
    groups: (status?.groups ?? []).map((group) => ({ log: name, ...group })),
    reasons: [
      ...(isolation === undefined ? [] : [isolationReason(name, isolation)]),
      ...(status === undefined ? silent(place) : troubles(name, status)),
      ...decisionReasons(name, decisionInfo(decision, gateway.roster)),
    ],
  };
}

function replicas(
  { config, gateway, paused }: LogReportView,
  place: LogPlace,
  status: HostedLogStatus | undefined,
): readonly ReplicaStatus[] {
  const links = [...(status?.paused ?? []), ...paused(place.entry.id)];
  const reasons = [...new Set(links.flatMap((link) => link.reasons))];
  return gateway.roster.entries().map(({ node, member }) => {
    const progress = status?.raft.progress.find((one) => one.member === member);
    const learner = status?.raft.membership.learners.includes(member) === true;
    const known =
      node === config.node ? ownRole(place) : member === place.leader ? "leader" : undefined;
    return {
      node,
      role: learner ? "learner" : (known ?? (progress === undefined ? "unknown" : "follower")),
      matchIndex: progress?.matchIndex,
      paused: node === config.node ? reasons : [],
      sent: status?.sent.find((one) => one.member === member)?.reading,
    };
  });
}

function ownRole({ role }: LogPlace): "leader" | "follower" | "candidate" {
  return role === "preCandidate" ? "candidate" : role;
}
