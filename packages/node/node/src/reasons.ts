/** What is wrong, in plain words. */
import type { DecisionInfo, LogInfo, NodeStatus } from "@annals/api";
import { memoryBudget, roundBytes, shapeOf } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { NOBODY } from "@annals/raft";
import {
  divergenceReason,
  emptiedReason,
  leaderlessReason,
  rolledBackReason,
} from "@annals/worker";
import type { HostedLogStatus, RepairNote } from "@annals/worker";
import { stampsAheadReason } from "./clockReasons.ts";
import type { IsolatedLog } from "./isolation.ts";
import type { LogPlace, PlaceWait } from "./logDirectory.ts";

/** The health of the node has told already why a log that is being opened or repaired does not answer. */
export function silent({ entry, opened }: LogPlace): readonly string[] {
  return opened ? [`log ${entry.name} does not answer`] : [];
}

/** Whether a log can be served here, and why not. */
export function stateOf(
  { entry, opened, repairing, resolving, refused, waitsFor, diverged }: LogPlace,
  answers: boolean,
): Pick<LogInfo, "state" | "reason"> {
  const { name } = entry;
  if (refused !== undefined) return { state: "opening", reason: refusedReason(name, refused) };
  if (repairing !== undefined) return { state: "repairing", reason: repairReason(name, repairing) };
  if (resolving !== undefined)
    return { state: "opening", reason: resolvingReason(name, resolving) };
  if (!opened) return { state: "opening", reason: openingReason(name, waitsFor) };
  if (diverged) return { state: "diverged", reason: divergedReason(name) };
  if (!answers) return { state: "silent", reason: `log ${name} does not answer` };
  return { state: "open", reason: undefined };
}

export function openingReason(name: string, waitsFor: PlaceWait | undefined): string {
  switch (waitsFor) {
    case undefined:
      return `log ${name} is being opened`;
    case "worker":
      return `log ${name} waits for a worker to start`;
    case "scan":
      return `log ${name} waits until its files have been read`;
    case "interval":
      return `log ${name} waits for its turn to be handed to another worker`;
    case "place":
      return `log ${name} waits to be opened until others have caught up`;
    case "isolation":
      return `log ${name} is isolated and waits for its next try`;
    default:
      return waitsFor satisfies never;
  }
}

function resolvingReason(name: string, keep: string): string {
  return `log ${name} is closed while the decision to keep the copy of ${keep} is carried out here`;
}

/** What a decision still waits for. */
export function decisionReasons(
  name: string,
  decision: DecisionInfo | undefined,
): readonly string[] {
  if (decision === undefined || decision.waitsFor.length === 0) return [];
  const { decision: index, keep, waitsFor } = decision;
  const what = `decision ${index}, to keep the copy of ${keep}`;
  return [`log ${name}: ${what}, is not carried out yet on ${waitsFor.join(", ")}`];
}

function refusedReason(name: string, refused: string): string {
  return `log ${name} is not open, because the disk refuses: ${refused}`;
}

export function isolationReason(
  name: string,
  { deaths, reason, known, retryInMs }: IsolatedLog,
): string {
  const who = known ? "is isolated" : "is isolated with other suspects";
  const next = retryInMs === undefined ? "" : `; tried again in ${Math.ceil(retryInMs / 1000)} s`;
  return `log ${name} ${who}: ${deaths} workers ended with it, the last one because ${reason}${next}`;
}

function divergedReason(name: string): string {
  return `log ${name} has diverged: this copy stands still, and only reads with consistency=local are served from it`;
}

function repairReason(name: string, { what, entries, missing }: RepairNote): string {
  if (entries === undefined) return `log ${name} is repairing: ${what}`;
  const which = `entries ${entries.from} to ${entries.to}`;
  if (missing)
    return `log ${name} is repairing: no node has ${which}, it stays closed until one does`;
  return `log ${name} is repairing: ${which} are fetched from other nodes`;
}

export function troubles(name: string, status: HostedLogStatus): readonly string[] {
  const reasons: string[] = [];
  if (status.diskRefusal !== undefined)
    reasons.push(
      `log ${name}: appends are refused, because the disk refuses: ${status.diskRefusal}`,
    );
  else if (status.diskFull)
    reasons.push(`log ${name}: free disk space is below storage.minFreeBytes, appends are refused`);
  if (status.diverged !== undefined)
    reasons.push(`log ${name}: ${divergenceReason(status.diverged)}`);
  const { recovery, leader } = status.raft;
  if (recovery?.rolledBack !== undefined)
    reasons.push(`log ${name}: ${rolledBackReason(recovery.rolledBack)}`);
  const { emptied } = status.raft;
  if (emptied !== undefined) reasons.push(`log ${name}: ${emptiedReason(emptied)}`);
  const waiting = recovery && leader === NOBODY ? leaderlessReason(recovery) : undefined;
  if (waiting !== undefined) reasons.push(`log ${name}: ${waiting}`);
  if (status.stampsAhead !== undefined && status.raft.role === "leader")
    reasons.push(`log ${name}: ${stampsAheadReason(status.stampsAhead)}`);
  if (status.stalled)
    reasons.push(`log ${name}: a disk write hangs, this replica keeps silent until it ends`);
  for (const link of status.paused) {
    reasons.push(`log ${name}: an inbound data link is paused (${link.reasons.join(", ")})`);
  }
  return reasons;
}

/** The cluster has logs for which this node was not made. */
export function misfit(config: NodeConfig, logs: number): readonly string[] {
  const { bytes } = memoryBudget(config, shapeOf(config, logs));
  const { limit } = config.memory;
  if (bytes <= limit) return [];
  const sizes = `${roundBytes(bytes)}, and memory.limit is ${roundBytes(limit)}`;
  return [`with ${logs} logs node ${config.node} may need ${sizes}`];
}

export function unreachable(nodes: readonly NodeStatus[]): readonly string[] {
  return nodes.filter((node) => !node.reachable).map((node) => `node ${node.id} is not reachable`);
}
