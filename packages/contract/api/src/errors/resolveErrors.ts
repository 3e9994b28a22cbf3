import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type ResolveErrorCode =
  | "ERR_LOG_NOT_DIVERGED"
  | "ERR_COPY_UNAVAILABLE"
  | "ERR_DECISION_OPEN"
  | "ERR_RESOLVE_OFFLINE";

/** What can be wrong with a decision for a log that has diverged. */
export const RESOLVE_ERRORS: Readonly<Record<ResolveErrorCode, ErrorEntry>> = {
  ERR_LOG_NOT_DIVERGED: entry(
    409,
    "Log has not diverged",
    "No node that answers has met a difference between the copies of this log. Nothing was decided.",
    "Nothing has to be resolved. If a node that did not answer is the one that has met it, start it first.",
  ),
  ERR_COPY_UNAVAILABLE: entry(
    409,
    "Copy unavailable",
    "The node whose copy is to be kept does not answer, or cannot read it: it is being opened or repaired, or was emptied. " +
      "Nothing was decided.",
    "The detail says what is in the way: mend that, or keep the copy of another node.",
  ),
  ERR_DECISION_OPEN: entry(
    409,
    "Decision not carried out yet",
    "An earlier decision for this log is not carried out on all nodes; of two at once the first one stands. Nothing else was decided.",
    "Start the nodes for which it waits (`annals log resolve LOG` shows them); then decide again if a difference is left.",
  ),
  ERR_RESOLVE_OFFLINE: entry(
    409,
    "Resolved on stopped nodes only",
    "Decisions are entries of `_system`, so none can be made for `_system` itself while it stands still. Nothing was decided.",
    "Stop all nodes and run `annals log resolve _system --keep NODE --data DIR` on each (operations.md).",
  ),
};
