import type { DecisionInfo, ResolveRequest } from "@annals/api";
import { AnnalsError } from "@annals/record";
import {
  copyUnavailable,
  decisionOpen,
  encodeCommand,
  nodeUnknown,
  refusalOf,
  SYSTEM_LOG,
} from "@annals/system";
import type { CatalogEntry, Roster } from "@annals/system";
import { decisionInfo } from "../decisionInfo.ts";
import type { PeerCopy } from "./peerCopies.ts";

export interface ResolveDoorOptions {
  readonly roster: Roster;
  /** The log as this node knows it now. Rejects with ERR_LOG_NOT_FOUND. */
  readonly find: (log: string) => Promise<CatalogEntry>;
  /** What a node says of its copy of a log, this node among them; undefined when it does not answer. */
  readonly ask: (node: string, log: string) => Promise<PeerCopy | undefined>;
  /** Commits a command in `_system`; resolves with its index when it is applied here. */
  readonly commit: (data: Uint8Array) => Promise<number>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Takes a decision for a log that has diverged, on the node that leads `_system`. What only the nodes know, whether the log has diverged
 * and whether the copy to be kept can be read, is asked here, before the command is proposed; everything else is judged again when it is
 * applied, the same on all nodes.
 */
export async function takeDecision(
  options: ResolveDoorOptions,
  log: string,
  { keep, by }: ResolveRequest,
): Promise<DecisionInfo> {
  const { roster, find, commit, now } = options;
  if (log === SYSTEM_LOG) throw resolveOffline(keep);
  const entry = await find(log);
  const member = roster.memberOf(keep);
  if (member === undefined) throw nodeUnknown(keep);
  const refusal = refusalOf(log, entry, { keep, member }, roster);
  if (refusal !== undefined) throw refusal;
  await assertNeeded(options, log, keep);
  const command = { op: "resolveLog", log, keep, member, by, at: now() } as const;
  const index = await commit(encodeCommand(command));
  const after = await find(log);
  const info = decisionInfo(after.decision, roster);
  if (info !== undefined && after.decision?.index === index) return info;
  throw (
    refusalOf(log, after, { keep, member }, roster) ??
    (after.decision === undefined
      ? copyUnavailable(keep, "the cluster has changed meanwhile")
      : decisionOpen(log, after.decision))
  );
}

/** The log has diverged as far as any node knows, and the copy that is to be kept can be read. */
async function assertNeeded(
  { roster, ask }: ResolveDoorOptions,
  log: string,
  keep: string,
): Promise<void> {
  const copies = await Promise.all(
    roster.entries().map(async ({ node }) => ({ node, copy: await ask(node, log) })),
  );
  const kept = copies.find(({ node }) => node === keep)?.copy;
  if (kept === undefined) throw copyUnavailable(keep, "the node does not answer; start it first");
  if (kept.headHash === undefined) throw copyUnavailable(keep, kept.reason ?? "it does not answer");
  if (kept.emptiedFor !== undefined)
    throw copyUnavailable(
      keep,
      `it was emptied, and has not caught up with the one of ${kept.emptiedFor}`,
    );
  if (copies.some(({ copy }) => copy?.diverged !== undefined)) return;
  const silent = copies.filter(({ copy }) => copy === undefined).map(({ node }) => node);
  throw notDiverged(log, silent);
}

function notDiverged(log: string, silent: readonly string[]): AnnalsError {
  const missing = silent.length === 0 ? "" : `; ${silent.join(", ")} did not answer`;
  return new AnnalsError(
    "ERR_LOG_NOT_DIVERGED",
    `log "${log}" has not diverged, as far as its nodes know${missing}: there is nothing to resolve`,
  );
}

function resolveOffline(keep: string): AnnalsError {
  return new AnnalsError(
    "ERR_RESOLVE_OFFLINE",
    `decisions are entries of ${SYSTEM_LOG}, so none can be made for it while it stands still: stop all nodes, and run ` +
      `annals log resolve ${SYSTEM_LOG} --keep ${keep} --data DIR on each`,
  );
}
