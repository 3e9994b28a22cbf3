import { asSeq, BatchView } from "@annals/record";
import type { LogStore, Replica } from "@annals/replica";
import { decodeRecord, placedRecord } from "@annals/wire";
import { QUERY_BUDGET, runTailQuery } from "../query/index.ts";
import type { BatchSlice, RecordCodec, RecordSource } from "../query/index.ts";
import type { Permits } from "@annals/transport";
import type { ReadQuery, ReadReply } from "../service.ts";

const CODEC: RecordCodec = {
  decode: (bytes) => ({ ...decodeRecord(bytes) }),
  placed: placedRecord,
  mayHold: (bytes, text) => asBuffer(bytes).includes(asBuffer(text)),
};

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

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
    codec: CODEC,
    budget: QUERY_BUDGET,
    now: () => performance.now(),
    giveWay: () => new Promise((resolve) => setImmediate(resolve)),
    open: () => recordSource(log),
    waitForSeq: (seq, remainingMs) => log.replica.waitForSeq(asSeq(seq), remainingMs),
  });
}

/** The applied records of a log, as of now. Every applied entry is durable here, so all of it can be read from the store. */
function recordSource({ store, replica }: ReadableLog): RecordSource {
  return {
    firstSeq: 1,
    lastSeq: replica.appliedSeq,
    batchAt: (seq) => batchAt(store, seq),
  };
}

function batchAt(store: LogStore, seq: number): BatchSlice | undefined {
  const index = store.indexOfSeq(asSeq(seq));
  const stored = index === undefined ? undefined : store.storedEntry(index);
  return stored === undefined ? undefined : new BatchView(stored.entry.data);
}
