import { QUERY_BUDGET, runTailQuery, STORED_CODEC, storedRecords } from "@annals/query";
import type { ReadQuery, ReadReply } from "@annals/query";
import { asSeq } from "@annals/record";
import type { LogStore, Replica } from "@annals/replica";
import type { Permits } from "@annals/transport";

/** What one page is read from. */
export interface ReadableLog {
  readonly name: string;
  readonly store: LogStore;
  readonly replica: Pick<Replica, "appliedSeq" | "readBarrier" | "waitForSeq">;
}

/**
 * Answers one read in the log's worker; `timeoutMs` bounds the wait for a quorum to confirm a linearizable one. A page is built under a
 * permit, which it keeps until `handOver` has settled; whoever waits for records has none.
 */
export async function readPage(
  log: ReadableLog,
  query: ReadQuery,
  timeoutMs: number,
  permits: Permits,
  handOver: (page: ReadReply) => Promise<void>,
): Promise<void> {
  if (query.consistency === "linearizable") await log.replica.readBarrier(timeoutMs);
  await runTailQuery(query, {
    build: (work) => permits.run(work),
    handOver,
    log: log.name,
    codec: STORED_CODEC,
    budget: QUERY_BUDGET,
    now: () => performance.now(),
    giveWay: () => new Promise((resolve) => setImmediate(resolve)),
    open: () => storedRecords(log.store, log.replica),
    waitForSeq: (seq, remainingMs) => log.replica.waitForSeq(asSeq(seq), remainingMs),
  });
}
