import { NOBODY } from "@annals/raft";
import { AnnalsError } from "@annals/record";
import type { LmdbLogStore } from "@annals/storage";

/** What was flushed for sure when a write failed. */
export type Durable = Pick<ReturnType<LmdbLogStore["durable"]>, "index" | "hardState">;

/**
 * Before a log is served again after a failed write: it must hold what was flushed before, and what it shows beyond that, from a write of
 * which the end is not known, is made durable by a write of its own. Until the disk takes that write, the log stays closed.
 */
export async function settle(
  store: Pick<LmdbLogStore, "initialState" | "lastIndex" | "write">,
  { index, hardState: { term, votedFor } }: Durable,
): Promise<void> {
  const found = store.initialState().hardState;
  const sameVote = found.term === term && found.votedFor === votedFor;
  const lostVote = found.term === term && !sameVote && votedFor !== NOBODY;
  if (store.lastIndex() < index || found.term < term || lostVote) {
    const what = `the log ends at ${store.lastIndex()} in term ${found.term} after a failed write`;
    const before = `it had ended at ${index} in term ${term}`;
    const vote = lostVote ? ` with a vote for member ${votedFor}, which is gone` : "";
    throw new AnnalsError("ERR_LOG_DAMAGED", `${what}, and ${before}${vote}`);
  }
  if (sameVote && store.lastIndex() === index) return;
  await store.write({ entries: [], hardState: found, applied: undefined });
}
