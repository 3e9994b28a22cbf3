/** What a write that failed leaves behind, for the log that is opened after it. */
import { AnnalsError } from "@annals/record";
import { errnoOf } from "@annals/storage";
import type { LmdbLogStore } from "@annals/storage";
import { causeText } from "./plainError.ts";

/** What clients and the status are told while the log is closed after a write that failed. */
export function writeFailed(error: AnnalsError, path: string): AnnalsError {
  const details = { path, errno: errnoOf(error) };
  const message = `a write failed, and the log is opened again: ${causeText(error)}`;
  return new AnnalsError("ERR_DISK_UNAVAILABLE", message, { retryable: true, details });
}

/**
 * Before a log is served again after a failed write: it must hold what was flushed before, and what it shows beyond that, from a write of
 * which the end is not known, is made durable by a write of its own. Until the disk takes that write, the log stays closed.
 */
export async function settle(
  store: LmdbLogStore,
  { index, hardState: { term, votedFor } }: ReturnType<LmdbLogStore["durable"]>,
): Promise<void> {
  const found = store.initialState().hardState;
  if (store.lastIndex() < index || found.term < term) {
    const what = `the log ends at ${store.lastIndex()} in term ${found.term} after a failed write`;
    const before = `it had ended at ${index} in term ${term}`;
    throw new AnnalsError("ERR_LOG_DAMAGED", `${what}, and ${before}`);
  }
  const nothingNew = found.term === term && found.votedFor === votedFor;
  if (nothingNew && store.lastIndex() === index) return;
  await store.write({ entries: [], hardState: found, applied: undefined });
}
