import type { CopyInfo } from "@annals/api";
import { decisionInfo } from "./decisionInfo.ts";
import type { Gateway } from "./gateway.ts";
import type { LogPlace } from "./logDirectory.ts";
import { stateOf } from "./reasons.ts";

/** The copy of a log on this node. Never rejects: one that is not open is told as such. */
export async function copyInfo(
  gateway: Pick<Gateway, "request" | "roster">,
  node: string,
  place: LogPlace,
): Promise<CopyInfo> {
  const { roster } = gateway;
  const copy = await gateway.request<"copy">(place, { op: "copy" }).catch(() => undefined);
  const { name, decision } = place.entry;
  const info = decisionInfo(decision, roster);
  const carriedOut = info !== undefined && isCarriedOut(place, info.waitsFor.includes(node));
  return {
    node,
    log: name,
    ...stateOf(place, copy !== undefined),
    lastIndex: copy?.lastIndex,
    lastTerm: copy?.lastTerm,
    lastSeq: copy?.lastSeq,
    commitIndex: copy?.commitIndex,
    headHash: copy?.headHash,
    diverged: copy?.diverged,
    parted: copy?.parted,
    emptiedFor: copy?.emptied?.node,
    decision: info && { ...info, carriedOut },
  };
}

/** This node knows before `_system` does. */
function isCarriedOut({ entry, carriedOut }: LogPlace, waits: boolean): boolean {
  return !waits || carriedOut >= (entry.decision?.index ?? 0);
}
