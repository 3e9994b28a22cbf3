import type { DecisionInfo } from "@annals/api";
import type { MemberId } from "@annals/raft";
import type { LogDecision } from "@annals/system";

/** The decision in the words of the API. */
export function decisionInfo(
  decision: LogDecision | undefined,
  roster: { nodeOf(member: MemberId): string | undefined },
): DecisionInfo | undefined {
  if (decision === undefined) return undefined;
  const { index, keep, by, at, pending } = decision;
  const waitsFor = pending.map((member) => roster.nodeOf(member) ?? `member ${member}`);
  return { decision: index, keep, by, at: new Date(at).toISOString(), waitsFor };
}
