import { availableParallelism } from "node:os";
import { standardMemoryLimit } from "./budget/machine.ts";
import type { KeyKind, KeySpec } from "./keySpec.ts";
import { LOG_COMPRESSIONS, LOG_LEVELS } from "./nodeConfig.ts";

type Entry = Omit<KeySpec, "path" | "kind" | "standard" | "scope">;

function key(
  path: string,
  kind: KeyKind,
  standard: unknown,
  scope: KeySpec["scope"],
  rest: Entry,
): KeySpec {
  return { path, kind, standard, scope, ...rest };
}

/** Every key, in the order in which documents list them. All numbers are refused below 1: a cap of 0 would stop the flow for good. */
export const KEYS: readonly KeySpec[] = [
  key("cluster", "name", "annals", "cluster", {
    about: "Name of the cluster. A node of another name is refused when it connects.",
    tooLow: "",
    tooHigh: "",
  }),
  key("nodes", "nodes", { a: "127.0.0.1:7400" }, "cluster", {
    about:
      "Every node: id → host:port. The one port carries HTTP and WebSocket; the other nodes must reach it there. " +
      "An odd number survives the most failures for its size.",
    tooLow: "One or two nodes survive no failure.",
    tooHigh: "Each append waits for more than half of the nodes; at most 31.",
  }),
  key("listen", "address", "", "node", {
    standardText: "the node's address in nodes",
    about:
      "Where this node listens, as host:port, when that is not its address in `nodes`: behind NAT, a published container port or a " +
      "floating address. 0.0.0.0 stands for every address of the machine, [::] for those of IPv6, too. Others still use the one in " +
      "`nodes`.",
    tooLow: "",
    tooHigh: "",
  }),
  key("data", "path", undefined, "node", {
    about:
      "Data directory of this node alone, for everything it knows; a relative path starts at the folder of the file. " +
      "Use ${node} in it when nodes share a machine.",
    tooLow: "",
    tooHigh: "",
  }),
  key("insecure", "switch", false, "node", {
    about:
      "Allows addresses beyond loopback although connections are neither encrypted nor authenticated. " +
      "Without it such a configuration is refused.",
    tooLow: "",
    tooHigh: "",
  }),
  key("logs", "names", ["audit"], "node", {
    about:
      "Logs created when the cluster is born, by the node that leads the birth. Without effect later: " +
      "then `annals log create` makes logs.",
    tooLow: "",
    tooHigh: "Each log costs heartbeats, files and memory on every node; at most 256 here.",
  }),
  key("log.level", "level", "info", "node", {
    about: `Least severity of the lines that the node writes to stderr: ${LOG_LEVELS.join(", ")}.`,
    tooLow: "",
    tooHigh: "",
  }),
  key("log.compression", "compression", "none", "node", {
    about:
      `How this node, while it leads, compresses the records of a batch: ${LOG_COMPRESSIONS.join(", ")}. Followers store what ` +
      "they receive, and every node reads both, so it may be changed at any time.",
    tooLow: "",
    tooHigh: "",
  }),
  key("raft.tick", "duration", "100ms", "cluster", {
    about: "Length of one tick, the unit of heartbeats and elections.",
    tooLow: "Costs CPU on every node, and pauses of the process look like failures.",
    tooHigh: "A dead leader is noticed late.",
  }),
  key("raft.heartbeatTicks", "count", 1, "cluster", {
    about: "Ticks between two heartbeats of a leader.",
    tooLow: "",
    tooHigh: "Fewer heartbeats per election timeout: one that is lost or late costs an election.",
  }),
  key("raft.electionTicks", "count", 10, "cluster", {
    about:
      "Ticks without word from the leader before a follower campaigns; the actual wait is drawn from once to " +
      "twice this. Above heartbeatTicks.",
    tooLow: "A slow flush or a pause of the leader costs an election.",
    tooHigh: "Appends wait longer after a leader died.",
  }),
  key("raft.maxUncommittedBytes", "bytes", "64MiB", "node", {
    about:
      "Bytes that a leader has proposed and not yet committed, per log. At the cap appends get 503 with Retry-After.",
    tooLow: "Throughput falls on links with long round trips.",
    tooHigh: "A leader without its quorum uses this much memory per log.",
  }),
  key("raft.maxCommittedBytes", "bytes", "4MiB", "node", {
    about:
      "Bytes of committed entries handed out for applying at once, per log; the rest follows when they are applied.",
    tooLow: "A catch-up takes more rounds.",
    tooHigh: "A log that catches up keeps the others of its worker waiting.",
  }),
  key("replication.append.maxEntries", "count", 64, "node", {
    about: "Entries in one AppendEntries message; the rest goes in the next one.",
    tooLow: "Small batches travel in many messages.",
    tooHigh:
      "Bytes are the bound that matters; this one saves followers from many tiny entries at once.",
  }),
  key("replication.append.maxBytes", "bytes", "4MiB", "node", {
    about: "Bytes of one AppendEntries message; a single larger entry still travels alone.",
    tooLow: "Below batch.maxBytes nothing fits.",
    tooHigh: "One message keeps a link busy and a follower's memory full for long.",
  }),
  key("replication.append.maxInflightMessages", "count", 32, "node", {
    about:
      "AppendEntries messages on their way to one follower; at the cap the leader waits for acknowledgements.",
    tooLow: "Throughput is this many messages per round trip.",
    tooHigh: "A slow follower costs more memory on both sides.",
  }),
  key("replication.append.maxInflightBytes", "bytes", "16MiB", "node", {
    about: "Bytes on their way to one follower; at the cap the leader waits for acknowledgements.",
    tooLow: "Throughput is this many bytes per round trip.",
    tooHigh: "A slow follower costs more memory on both sides.",
  }),
  key("replication.maxMessageBytes", "bytes", "8MiB", "cluster", {
    about:
      "Largest WebSocket frame between nodes. A larger one closes the link with a named error.",
    tooLow: "Below append.maxBytes plus 64KiB of framing, accepted entries could not be sent.",
    tooHigh: "A peer that misbehaves makes the node hold this much per link.",
  }),
  key("replication.receive.eventHighWaterMark", "count", 100, "node", {
    about:
      "Entries that are decoded and not yet given to the log, per link. At the cap decoding stops (`event-queue`) until half of them are.",
    tooLow: "Decoding stops and starts all the time.",
    tooHigh: "More memory per link.",
  }),
  key("replication.receive.maxQueueBytes", "bytes", "32MiB", "node", {
    about:
      "Bytes received and not yet flushed, per link. The leader gets credit for that many; a link that brings more is paused.",
    tooLow: "Below append.maxInflightBytes the leader's window can never be used.",
    tooHigh: "More memory per link.",
  }),
  key("replication.receive.maxCommitBacklog", "count", 150, "node", {
    about:
      "Entries given to the log and not flushed, per link. At the cap decoding stops (`commit-backlog`).",
    tooLow: "A follower flushes few entries at a time.",
    tooHigh: "A slow disk costs more memory.",
  }),
  key("replication.receive.yieldAfter", "duration", "10ms", "node", {
    about: "How long decoding may run before heartbeats get their turn. Below one tick.",
    tooLow: "Throughput falls.",
    tooHigh: "Heartbeats are late while a follower catches up.",
  }),
  key("replication.blob.chunkBytes", "bytes", "256KiB", "node", {
    about:
      "Bytes of a blob read, sent and written at a time. While the disk takes no more, the sender waits.",
    tooLow: "Throughput falls.",
    tooHigh: "Each blob on its way uses twice this much memory, and heartbeats wait for one chunk.",
  }),
  key("replication.blob.maxConcurrent", "count", 4, "node", {
    about: "Blobs that a worker sends to followers at a time; the others wait for their turn.",
    tooLow: "A follower with a slow disk holds up the blobs for the others.",
    tooHigh: "More open files and memory.",
  }),
  key("replication.blob.maxBytes", "bytes", "1GiB", "cluster", {
    about: "Largest blob. A larger one gets 413.",
    tooLow: "Legitimate attachments are refused.",
    tooHigh: "Records that name a blob wait until a quorum has all of it.",
  }),
  key("batch.maxRecords", "count", 1000, "node", {
    about: "Records in one batch, which is one Raft entry; then the next one begins.",
    tooLow: "More entries, each with its own overhead.",
    tooHigh: "A reader of one record reads its whole batch.",
  }),
  key("batch.maxBytes", "bytes", "1MiB", "cluster", {
    about: "Bytes of one batch; then the next one begins. At least ingest.maxRecordBytes.",
    tooLow: "More entries, each with its own overhead.",
    tooHigh: "A reader of one record reads its whole batch.",
  }),
  key("ingest.maxBodyBytes", "bytes", "8MiB", "node", {
    about: "Largest body of an append. A larger one gets 413.",
    tooLow: "Clients need more requests.",
    tooHigh: "Each request being received may use this much memory.",
  }),
  key("ingest.maxDecodedBytes", "bytes", "8MiB", "node", {
    follows: "ingest.maxBodyBytes",
    standardText: "as ingest.maxBodyBytes",
    about:
      "Largest body of an append once it is decompressed; decoding stops there, with 413. ingest.maxBodyBytes bounds what arrives.",
    tooLow: "Clients that compress need more requests.",
    tooHigh: "Each request being received may use this much memory.",
  }),
  key("ingest.maxDecodeRatio", "count", 256, "node", {
    about:
      "Bytes that a byte of a compressed body may decode to, beyond the first MiB. More get 413.",
    tooLow: "Records that repeat themselves are refused.",
    tooHigh: "A few bytes keep a thread busy until ingest.maxDecodedBytes is reached.",
  }),
  key("ingest.maxRecordBytes", "bytes", "1MiB", "cluster", {
    about:
      "Largest record. A larger one gets 413 naming its position; nothing of its request is stored.",
    tooLow: "Legitimate records are refused.",
    tooHigh: "Every buffer on the way must hold one.",
  }),
  key("ingest.maxRecords", "count", 10_000, "node", {
    about: "Records in one append. More get 413.",
    tooLow: "Clients need more requests.",
    tooHigh: "One request keeps a worker busy for long.",
  }),
  key("ingest.maxPendingBytes", "bytes", "32MiB", "node", {
    about:
      "Bytes of appends that were admitted and not yet answered, per log. At the cap: 429 with Retry-After, nothing half-accepted.",
    tooLow: "Bursts are refused although the disk could follow.",
    tooHigh: "Each log may use this much memory under overload.",
  }),
  key("ingest.maxHeldBytes", "bytes", "32MiB", "node", {
    follows: "ingest.maxPendingBytes",
    standardText: "as ingest.maxPendingBytes",
    about:
      "Bytes of bodies held for all logs together, from their announcement to the answer. At the cap: 503 with Retry-After, before " +
      "the body is read.",
    tooLow: "One busy log takes the room of the others; below ingest.maxPendingBytes.",
    tooHigh: "All logs together may use this much memory under overload.",
  }),
  key("ingest.minUploadRate", "bytes", "1KiB", "node", {
    about:
      "Bytes per second that the body of an append must bring at least, looked at every ingest.uploadGrace. A slower one gets 408, and " +
      "its connection is closed.",
    tooLow: "A client that sends a byte at a time holds room for its body for long.",
    tooHigh: "Clients on bad networks cannot append.",
  }),
  key("ingest.uploadGrace", "duration", "5s", "node", {
    about: "How long a body may be slower than ingest.minUploadRate.",
    tooLow: "A network that loses some packets costs the request.",
    tooHigh: "Stalled uploads hold their room this long.",
  }),
  key("http.maxConnections", "count", 1024, "node", {
    about:
      "HTTP connections of clients, counted from their first request on; a further one gets 503 and is closed. Links between nodes, " +
      "requests that nodes pass on, and connections of the client stream do not count; `/healthz`, `/readyz`, `/metrics` and " +
      "`/v1/cluster` are answered beyond it.",
    tooLow: "Clients that keep a connection each are turned away.",
    tooHigh: "Each connection costs buffers (bounds.md) and an open file.",
  }),
  key("http.maxConnectionsPerAddress", "count", 512, "node", {
    about:
      "HTTP connections of clients from one address, of IPv6 from one /64; a further one gets 503 and is closed.",
    tooLow: "Clients behind one proxy are turned away.",
    tooHigh: "One client can take all connections.",
  }),
  key("http.headersTimeout", "duration", "5s", "node", {
    about: "How long the head of a request may take to arrive; looked at once a second. Then 408.",
    tooLow: "Slow networks are refused.",
    tooHigh: "Connections that say nothing keep their place for long.",
  }),
  key("http.requestTimeout", "duration", "30s", "node", {
    about: "How long the body of a request may take to arrive, blobs aside. Then 408.",
    tooLow: "Large bodies over slow networks are refused.",
    tooHigh: "Slow bodies hold their room this long.",
  }),
  key("workers.count", "count", () => Math.min(4, availableParallelism()), "node", {
    standardText: "number of cores, at most 4, less where memory.limit is small",
    about: "Threads that own the logs.",
    tooLow: "Logs share a core.",
    tooHigh: "More heaps than cores gain nothing.",
  }),
  key("workers.maxHeapBytes", "bytes", "512MiB", "node", {
    about:
      "Heap of one worker, 24 MiB at least: new objects have up to a third of it, and at most 48 MiB. Beyond it the thread ends " +
      "and its logs are handed to others.",
    tooLow: "Workers end although nothing is wrong when the queues of their logs need more.",
    tooHigh: "The process may run out of memory before a worker does.",
  }),
  key("workers.heapSnapshot", "switch", false, "node", {
    about:
      "Whether a worker that comes to the end of its heap writes what the heap holds to heap-snapshots in the data directory, " +
      "once, for the developer tools of Chrome. Three files are kept, and then no more are written. Records are in them.",
    tooLow: "Nobody can see afterwards what filled a heap.",
    tooHigh:
      "Writing a snapshot stops the logs of the worker for seconds and takes as much memory again.",
  }),
  key("workers.maxQueueBytes", "bytes", "128MiB", "node", {
    about:
      "Bytes received and not yet flushed, over all links of one worker. At the cap all of them are paused " +
      "(`worker-budget`) until half is flushed.",
    tooLow: "One slow log holds up the others of its worker; below replication.maxMessageBytes.",
    tooHigh: "Each worker may use this much memory when many logs catch up at once.",
  }),
  key("workers.reassignStagger", "duration", "100ms", "node", {
    about: "Interval between two logs of ended workers that get a new worker, over all crashes.",
    tooLow: "All logs catch up at once on the new worker.",
    tooHigh: "Logs wait longer after a crash of their worker.",
  }),
  key("workers.maxCatchUps", "count", 4, "node", {
    about:
      "Logs of one worker that are opened or catch up at a time. The next one is opened when one of them has applied what was committed " +
      "when it came, or makes no progress any more.",
    tooLow: "Logs come back one after the other when a node or a worker starts.",
    tooHigh:
      "Many logs catch up at once, each with full queues; appends to the others wait for the disk.",
  }),
  key("workers.maxIsolated", "count", 1, "node", {
    about:
      "Workers beyond workers.count for logs that keep ending theirs. Each of these has one for itself, with half of " +
      "workers.maxHeapBytes; at the cap it waits, closed, for its turn.",
    tooLow: "Several such logs take turns, and each is closed for longer.",
    tooHigh: "Each of these workers adds a heap and its queues to the budget.",
  }),
  key("memory.limit", "bytes", () => `${standardMemoryLimit()}B`, "node", {
    standardText: "75 % of the machine's memory, or of the container's if that is less",
    about:
      "Memory that the node may need when every queue is full (bounds.md). A node whose sum is larger does not start, " +
      "and a log that would not fit is not created.",
    tooLow: "Fewer logs fit.",
    tooHigh: "The system may end the process when everything is full at once.",
  }),
  key("query.maxHeldBytes", "bytes", "64MiB", "node", {
    about:
      "Bytes of answers and downloads held for clients that read slowly. At the cap: 429 with Retry-After.",
    tooLow: "Few clients can read large pages at a time.",
    tooHigh: "Slow readers may make the node use this much memory.",
  }),
  key("subscribe.maxStreams", "count", 256, "node", {
    about: "Connections of the client stream. A further one gets 429.",
    tooLow: "Clients that stream are turned away.",
    tooHigh: "Each stream costs buffers of 144 KiB.",
  }),
  key("subscribe.maxUnacked", "count", 1000, "node", {
    about:
      "Records that one subscription on the client stream was sent and has not acknowledged. At the cap nothing more is read for it.",
    tooLow: "A subscriber far away waits for its acknowledgements all the time.",
    tooHigh: "A consumer that fails reads up to this many records again.",
  }),
  key("subscribe.maxBufferedBytes", "bytes", "4MiB", "node", {
    about:
      "Bytes read for one subscription that its socket has not taken. Nothing more is read while more than half of it waits.",
    tooLow: "Pages are short: a subscriber that catches up costs more reads.",
    tooHigh: "Few slow subscribers fill subscribe.maxHeldBytes.",
  }),
  key("subscribe.maxHeldBytes", "bytes", "32MiB", "node", {
    about:
      "Bytes read for all subscriptions that sockets have not taken, each page being read counted as the largest there is. " +
      "At the cap the next page waits for its turn.",
    tooLow: "Subscribers that catch up are served one after the other.",
    tooHigh: "Slow subscribers may make the node use this much memory.",
  }),
  key("groups.lease", "duration", "10s", "cluster", {
    about:
      "How long a consumer of a group may give no sign of life before another member gets its lane. " +
      "A new leader of the log waits as long again.",
    tooLow: "A consumer that is held up for a moment loses its lane, and reads some records again.",
    tooHigh: "After a consumer dies, its lane is idle this long.",
  }),
  key("clock.maxSkew", "duration", "5s", "cluster", {
    about:
      "How far a node's clock may be from the median of all. A node beyond it stamps no record with its clock, and others lead its logs.",
    tooLow: "Slow links and coarse time services look like wrong clocks.",
    tooHigh: "recordedAt may be wrong by this much.",
  }),
  key("storage.segmentBytes", "bytes", "1GiB", "node", {
    about: "A log's active segment is sealed at this size and a new one begun.",
    tooLow: "A log has many files. A segment must hold the largest message.",
    tooHigh: "Rebuilding a damaged segment takes longer and needs more free space.",
  }),
  key("storage.scrubInterval", "duration", "24h", "node", {
    about:
      "How often everything that is stored is read and checked in the background, at a quarter of one core at most. Jittered by a tenth.",
    tooLow: "The disk and a core are busy reading.",
    tooHigh: "Rot is found late, when other copies may have rotted, too.",
  }),
  key("storage.minFreeBytes", "bytes", "256MiB", "node", {
    about: "Free disk space below which appends are refused with 507; reads go on.",
    tooLow: "Other programs may fill the disk before the node can refuse.",
    tooHigh: "This much disk space is never used.",
  }),
];

const BY_PATH: ReadonlyMap<string, KeySpec> = new Map(KEYS.map((spec) => [spec.path, spec]));

export function findKey(path: string): KeySpec | undefined {
  return BY_PATH.get(path);
}

/** Every proper prefix of a key: the sections of the file. */
export const SECTIONS: ReadonlySet<string> = new Set(
  KEYS.flatMap((spec) => {
    const parts = spec.path.split(".");
    return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
  }),
);

/** The value in YAML form that holds when nobody sets the key; undefined if it must be set. */
export function standardValue(spec: KeySpec): unknown {
  return typeof spec.standard === "function" ? (spec.standard as () => unknown)() : spec.standard;
}
