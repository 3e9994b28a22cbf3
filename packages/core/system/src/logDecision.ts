import type { MemberId } from "@annals/raft";
import { AnnalsError } from "@annals/record";

/** Characters of the name of who decides. */
export const DECIDER_CHARACTERS_MAX = 128;

/** What somebody has decided for a log that has diverged: one copy is kept, all others are put aside. */
export interface LogDecision {
  /** Of its command in `_system`, which is its identity. */
  readonly index: number;
  /** The node whose copy is kept, and the member that it was then. */
  readonly keep: string;
  readonly member: MemberId;
  /** Who decided, as the request said. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Members that have not carried it out, as far as `_system` says. Until then no word of theirs counts for the log. */
  readonly pending: readonly MemberId[];
  /** Index of the latest command that this says something of: an earlier one was judged before. */
  readonly judged: number;
}

/** The command by which somebody decides. */
export interface ResolveCommand {
  readonly log: string;
  readonly keep: string;
  readonly member: MemberId;
  readonly by: string;
  readonly at: number;
}

/** Who has which member now. */
interface Members {
  memberOf(node: string): MemberId | undefined;
  members(): readonly MemberId[];
}

/** What is known of the log that is decided on. */
interface DecidedLog {
  readonly decision?: LogDecision;
}

/**
 * Why a decision is not taken; undefined when it is. It depends on nothing but the log `_system`, so that all nodes judge alike: of two
 * decisions at once the first one stands.
 */
export function refusalOf(
  name: string,
  { decision }: DecidedLog,
  { keep, member }: Pick<ResolveCommand, "keep" | "member">,
  members: Members,
): AnnalsError | undefined {
  const now = members.memberOf(keep);
  if (now === undefined) return nodeUnknown(keep);
  if (now !== member) return copyUnavailable(keep, "it came back with an empty disk meanwhile");
  if (decision !== undefined && decision.pending.length > 0) return decisionOpen(name, decision);
  return undefined;
}

/** The log's decision after the command `index`: the new one, or the old one with a note that this command was judged. */
export function decide(
  index: number,
  { log, keep, member, by, at }: ResolveCommand,
  known: DecidedLog,
  members: Members,
): LogDecision | undefined {
  const { decision } = known;
  if (decision !== undefined && decision.judged >= index) return decision;
  if (refusalOf(log, known, { keep, member }, members) !== undefined)
    return decision === undefined ? undefined : { ...decision, judged: index };
  return { index, keep, member, by, at, pending: members.members(), judged: index };
}

/** The decision without a member that has carried it out, or was replaced: its copy is gone. */
export function without(decision: LogDecision, member: MemberId, index: number): LogDecision {
  if (!decision.pending.includes(member)) return decision;
  const pending = decision.pending.filter((one) => one !== member);
  return { ...decision, pending, judged: Math.max(decision.judged, index) };
}

export function nodeUnknown(node: string): AnnalsError {
  return new AnnalsError("ERR_NODE_UNKNOWN", `there is no node "${node}" in the cluster`);
}

export function copyUnavailable(node: string, why: string): AnnalsError {
  return new AnnalsError(
    "ERR_COPY_UNAVAILABLE",
    `the copy of node ${node} cannot be kept now: ${why}`,
  );
}

export function decisionOpen(
  log: string,
  { index, keep, by, at }: Pick<LogDecision, "index" | "keep" | "by" | "at">,
): AnnalsError {
  const when = new Date(at).toISOString();
  return new AnnalsError(
    "ERR_DECISION_OPEN",
    `log "${log}": decision ${index}, by ${by} at ${when}, to keep the copy of ${keep}, is not carried out on all nodes yet`,
    { details: { decision: index, keep, by, at: when } },
  );
}
