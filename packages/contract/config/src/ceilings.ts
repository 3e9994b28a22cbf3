import { ENTRIES_MAX, MESSAGES_MAX } from "@annals/wire";

const MEBIBYTE = 2 ** 20;
const TEBIBYTE = 2 ** 40;

/** What is one buffer, one frame or one value of the store. */
const ONE_BUFFER = 256 * MEBIBYTE;
/** What is a sum of such things, or a file. */
const SUM = TEBIBYTE;
/** Timers of Node take 31 bits of milliseconds; a longer one would fire at once. */
const TIMER_MS = 2 ** 31 - 1;

/**
 * The greatest legal value of every number, by key. Up to here everything is tried: beyond, the wire has no room, a timer wraps, or a
 * queue is no bound any more. A frame joins messages, and a page joins entries, so both stay well below what one of them may have.
 */
export const CEILINGS: Readonly<Record<string, number>> = {
  "raft.tick": 60_000,
  "raft.heartbeatTicks": 1000,
  "raft.electionTicks": 10_000,
  "raft.maxUncommittedBytes": SUM,
  "raft.maxCommittedBytes": SUM,
  "replication.append.maxEntries": ENTRIES_MAX / 4,
  "replication.append.maxBytes": ONE_BUFFER,
  "replication.append.maxInflightMessages": MESSAGES_MAX / 4,
  "replication.append.maxInflightBytes": SUM,
  "replication.maxMessageBytes": 2 * ONE_BUFFER,
  "replication.receive.eventHighWaterMark": ENTRIES_MAX,
  "replication.receive.maxQueueBytes": SUM,
  "replication.receive.maxCommitBacklog": ENTRIES_MAX,
  "replication.receive.yieldAfter": 1000,
  "replication.blob.chunkBytes": ONE_BUFFER,
  "replication.blob.maxConcurrent": 256,
  "replication.blob.maxBytes": SUM,
  "batch.maxRecords": 100_000,
  "batch.maxBytes": ONE_BUFFER,
  "ingest.maxBodyBytes": ONE_BUFFER,
  "ingest.maxDecodedBytes": ONE_BUFFER,
  "ingest.maxDecodeRatio": 100_000,
  "ingest.maxRecordBytes": ONE_BUFFER,
  "ingest.maxRecords": 1_000_000,
  "ingest.maxPendingBytes": SUM,
  "ingest.maxHeldBytes": SUM,
  "ingest.minUploadRate": ONE_BUFFER,
  "ingest.uploadGrace": TIMER_MS,
  "http.maxConnections": 100_000,
  "http.maxConnectionsPerAddress": 100_000,
  "http.headersTimeout": TIMER_MS,
  "http.requestTimeout": TIMER_MS,
  "workers.count": 64,
  "workers.maxHeapBytes": 64 * 1024 * MEBIBYTE,
  "workers.maxQueueBytes": SUM,
  "workers.reassignStagger": 60_000,
  "workers.maxCatchUps": 1024,
  "workers.maxIsolated": 8,
  "memory.limit": 16 * TEBIBYTE,
  "query.maxHeldBytes": SUM,
  "subscribe.maxStreams": 65_536,
  "subscribe.maxUnacked": 1_000_000,
  "subscribe.maxBufferedBytes": ONE_BUFFER,
  "subscribe.maxHeldBytes": SUM,
  "groups.lease": TIMER_MS,
  "clock.maxSkew": 3_600_000,
  "storage.segmentBytes": SUM,
  "storage.minFreeBytes": 1024 * TEBIBYTE,
  "storage.scrubInterval": TIMER_MS,
};
