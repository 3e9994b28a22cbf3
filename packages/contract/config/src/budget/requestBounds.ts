import { FORWARDED_ANSWER_BYTES_MAX, PROBLEM_BYTES_MAX } from "@annals/api";
import {
  FRAMING_BYTES,
  GROUPS_MAX,
  PAGES_MAX,
  PAGE_BYTES_MAX,
  PRODUCERS_MAX,
  QUESTIONS_MAX,
} from "@annals/flow";
import { SCHEMAS_PER_LOG_MAX } from "@annals/system";
import { DECODER_BYTES_MAX } from "@annals/wire";
import type { IngestSettings, NodeConfig } from "../keys/nodeConfig.ts";
import { constant, none, one } from "./bound.ts";
import type { Bound } from "./bound.ts";
import { connectionCaps } from "./connectionCaps.ts";
import * as fixed from "./constants.ts";

const message = (config: NodeConfig): number => config.replication.maxMessageBytes;
const batch = (config: NodeConfig): number => config.batch.maxBytes + FRAMING_BYTES;

/** The largest body, in one buffer, decoded as it came in. */
const body = ({ ingest }: NodeConfig): number =>
  Math.max(ingest.maxBodyBytes, ingest.maxDecodedBytes);

/** The same while it is decoded. */
const bodyInDecoder = ({ ingest }: NodeConfig): number =>
  Math.max(ingest.maxBodyBytes, ingest.maxDecodedBytes + DECODER_BYTES_MAX);

/** The largest page that was asked for with so many bytes: a full one, or one record that is all control characters. */
export function pageBytesOf(ingest: IngestSettings, bytes: number): number {
  const record = fixed.RECORD_JSON_FACTOR * ingest.maxRecordBytes;
  return Math.max(Math.min(bytes, PAGE_BYTES_MAX), record) + FRAMING_BYTES;
}

const pageBytes = ({ ingest }: NodeConfig): number => pageBytesOf(ingest, PAGE_BYTES_MAX);

/** Its buffer doubles up to a full page; that of one large record is made at once. */
const pageInMaking = (config: NodeConfig): number =>
  Math.max(2 * PAGE_BYTES_MAX + FRAMING_BYTES, pageBytes(config));

/** Of what is counted before it is there: an item that does not fit is taken only when there is nothing else. */
const beyond =
  (item: Bound["item"], cap: Bound["cap"]): Bound["item"] =>
  (config) =>
    Math.max(0, item(config) - cap(config));

const HTTP = "packages/node/http/test/httpServer.test.ts";
const ADMISSION = "packages/node/http/test/admission.test.ts";
const PLACES = "packages/node/http/test/connectionPlaces.test.ts";
const REPLICA = "packages/node/replica/test/replica.test.ts";
const STREAM = "packages/node/http/test/stream/streamServer.test.ts";
const GAUGES = "packages/node/node/test/memory/gauges.test.ts";
const CORE = "packages/core/raft/test/core.test.ts";

/** What requests and their answers fill. */
export const REQUEST_BOUNDS: readonly Bound[] = [
  {
    name: "requests",
    holds:
      "bodies of requests, what decodes them, and chunks of uploads, from their announcement to the answer",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "ingest.maxHeldBytes",
    cap: (config) => config.ingest.maxHeldBytes,
    item: beyond(bodyInDecoder, (config) => config.ingest.maxHeldBytes),
    weight: one,
    atCap:
      "bodies that stand still give way; else 503 with Retry-After, for one of known length before it is read",
    test: [ADMISSION, "beyond the budget of the node"],
  },
  {
    name: "log.requests",
    holds: "those of them that are for one log",
    place: "gateway",
    per: "log",
    unit: "bytes",
    setBy: "ingest.maxPendingBytes",
    cap: (config) => config.ingest.maxPendingBytes,
    item: bodyInDecoder,
    weight: none,
    atCap: "the same with 429; counted in `requests`",
    test: [ADMISSION, "beyond the budget of a log"],
  },
  {
    name: "connections",
    holds: "HTTP connections of clients: parser, headers, socket",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "http.maxConnections",
    cap: (config) => config.http.maxConnections,
    item: none,
    weight: constant(fixed.CONNECTION_BYTES),
    atCap:
      "503 for a further one once it has asked, and it is closed; so for `http.maxConnectionsPerAddress` from one address",
    test: [PLACES, "connections beyond the cap"],
  },
  {
    name: "connections.undecided",
    holds: "connections that have not sent the head of a request",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "a quarter of http.maxConnections, from 16 to 256",
    cap: ({ http }) => connectionCaps(http).maxUndecided,
    item: none,
    weight: constant(fixed.CONNECTION_BYTES),
    atCap: "the oldest one of the address that has most gets 503 and is closed",
    test: [PLACES, "silent connections give way"],
  },
  {
    name: "connections.nodes",
    holds: "connections over which another node passes requests on",
    place: "gateway",
    per: "peer",
    unit: "count",
    setBy: "a quarter of http.maxConnections, from 16 to 256",
    cap: ({ http }) => connectionCaps(http).maxPerNode,
    item: none,
    weight: constant(fixed.CONNECTION_BYTES),
    atCap: "a further one counts in `connections`",
    test: [PLACES, "more than a node may have"],
  },
  {
    name: "connections.operator",
    holds:
      "connections of probes (`/healthz`, `/readyz`, `/metrics`, `/v1/cluster`) that found no place among the clients, for one answer each",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "constant",
    cap: constant(fixed.OPERATOR_CONNECTIONS_MAX),
    item: none,
    weight: constant(fixed.CONNECTION_BYTES),
    atCap: "the oldest one is closed",
    test: [PLACES, "a probe that does not read"],
  },
  {
    name: "waiters",
    holds: "questions that a worker has not answered: reads, appends, and what the status asks",
    place: "gateway",
    per: "worker",
    unit: "count",
    setBy: "constant",
    cap: constant(QUESTIONS_MAX),
    item: none,
    weight: none,
    atCap: "429 with Retry-After; each ends with its deadline. On the heaps",
    test: ["packages/node/node/test/workerPlaces.test.ts", "beyond the cap of questions"],
  },
  {
    name: "forwarded",
    holds: "answers of leaders that are passed back; what may be larger goes through as a stream",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "a quarter of http.maxConnections, from 16 to 256",
    cap: ({ http }) => connectionCaps(http).maxPerNode,
    item: none,
    weight: constant(FORWARDED_ANSWER_BYTES_MAX),
    atCap: "the request waits for a free connection to the leader; its body counts in `requests`",
    test: ["packages/node/http/test/forward.test.ts", "an answer that is too large to be held"],
  },
  {
    name: "worker.requests",
    holds: "bodies handed to a worker and not yet answered",
    place: "gateway",
    per: "worker",
    unit: "bytes",
    setBy: "ingest.maxHeldBytes",
    cap: (config) => config.ingest.maxHeldBytes,
    item: body,
    weight: one,
    atCap: "503 with Retry-After; nothing half-accepted",
    test: [GAUGES, "request bodies"],
  },
  {
    name: "log.appends",
    holds: "records admitted and not yet answered",
    place: "worker",
    per: "log",
    unit: "bytes",
    setBy: "ingest.maxPendingBytes",
    cap: (config) => config.ingest.maxPendingBytes,
    item: (config) => Math.ceil(fixed.RECORD_MSGPACK_FACTOR * body(config)),
    weight: one,
    atCap: "429 with Retry-After; nothing half-accepted",
    test: [REPLICA, "refuses beyond maxPendingBytes, at its smallest legal value"],
  },
  {
    name: "log.uncommitted",
    holds: "entries that the leader has proposed and a quorum has not flushed",
    place: "worker",
    per: "log",
    unit: "bytes",
    setBy: "raft.maxUncommittedBytes",
    cap: (config) => config.raft.maxUncommittedBytes,
    item: batch,
    weight: one,
    atCap:
      "nothing is proposed; appends wait in `log.appends`, and when that is full: 503 with Retry-After",
    test: [CORE, "beyond the limit on uncommitted bytes are dropped"],
  },
  {
    name: "log.writing",
    holds: "LMDB's own copy of the entries of the transaction in the air",
    place: "worker",
    per: "log",
    unit: "bytes",
    setBy: "raft.maxUncommittedBytes or replication.receive.maxQueueBytes, the larger",
    cap: ({ raft, replication }) =>
      Math.max(raft.maxUncommittedBytes, replication.receive.maxQueueBytes),
    item: message,
    weight: one,
    atCap: "one transaction at a time; what it holds came through one of the two queues",
    test: [GAUGES, "entries of one transaction"],
  },
  {
    name: "log.applying",
    holds: "committed entries handed out for applying",
    place: "worker",
    per: "log",
    unit: "bytes",
    setBy: "raft.maxCommittedBytes",
    cap: (config) => config.raft.maxCommittedBytes,
    item: batch,
    weight: one,
    atCap: "the rest follows when they are applied",
    test: ["packages/core/raft/test/transcripts/interaction/committed_limit.txt", ""],
  },
  {
    name: "log.schemas",
    holds: "schemas of the log, 4 KiB each, and compiled",
    place: "worker",
    per: "log",
    unit: "count",
    setBy: "constant",
    cap: constant(SCHEMAS_PER_LOG_MAX),
    item: none,
    weight: none,
    atCap: "another one is refused (`ERR_TOO_MANY_SCHEMAS`); on the worker's heap",
    test: ["packages/node/node/test/logSchema.test.ts", "has so many and no more"],
  },
  {
    name: "log.producers",
    holds: "producers and their last answers",
    place: "worker",
    per: "log",
    unit: "count",
    setBy: "constant",
    cap: constant(PRODUCERS_MAX),
    item: none,
    weight: none,
    atCap: "the one that was silent longest is forgotten; on the worker's heap",
    test: [REPLICA, "forgets the producer that was silent longest at the cap"],
  },
  {
    name: "log.groups",
    holds: "groups, with 64 lanes each at most",
    place: "worker",
    per: "log",
    unit: "count",
    setBy: "constant",
    cap: constant(GROUPS_MAX),
    item: none,
    weight: none,
    atCap: "a new group is refused; on the worker's heap",
    test: [
      "packages/node/replica/test/groups.test.ts",
      "refuses one group more than the table may hold",
    ],
  },
  {
    name: "copies",
    holds: "answers of other nodes about their copy of a log that has diverged",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "constant",
    cap: constant(fixed.COPY_QUESTIONS_MAX),
    item: none,
    // The socket may bring one read more before it is refused.
    weight: constant(fixed.COPY_ANSWER_BYTES_MAX + fixed.SOCKET_READ_BYTES),
    atCap: "the next node is asked when another one has answered",
    test: [
      "packages/node/node/test/resolution/peerCopies.test.ts",
      "nodes are asked a few at a time",
    ],
  },
  {
    name: "pages",
    holds:
      "pages of reads being built, or built and not yet with the gateway; with each, one batch that was stored compressed",
    place: "worker",
    per: "worker",
    unit: "count",
    setBy: "constant",
    cap: constant(PAGES_MAX),
    item: none,
    weight: (config) => pageInMaking(config) + batch(config),
    atCap: "the next read waits for its turn",
    test: [GAUGES, "pages, answers"],
  },
  {
    name: "answers",
    holds: "pages, records and chunks of downloads for clients that read slowly",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "query.maxHeldBytes",
    cap: (config) => config.query.maxHeldBytes,
    item: beyond(pageBytes, (config) => config.query.maxHeldBytes),
    weight: one,
    atCap: "429 with Retry-After",
    test: [HTTP, "holds answers for slow readers only up to its budget"],
  },
  {
    name: "streams",
    holds:
      "connections of the client stream, each with a read of its socket; beyond that a message counts in `requests` as it comes in",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "subscribe.maxStreams",
    cap: (config) => config.subscribe.maxStreams,
    item: none,
    weight: constant(fixed.SOCKET_READ_BYTES),
    atCap: "a further one gets 429; one whose message finds `requests` full is closed with 1013",
    test: [STREAM, "no more streams than the cap"],
  },
  {
    name: "stream.unread",
    holds: "answers and pongs that a client of a stream has not read",
    place: "gateway",
    per: "client",
    unit: "bytes",
    setBy: "constant",
    cap: constant(fixed.STREAM_UNREAD_BYTES_MAX),
    item: constant(PROBLEM_BYTES_MAX),
    weight: one,
    atCap: "the stream is cut off",
    test: [STREAM, "asks and does not read"],
  },
  {
    name: "subscriptions",
    holds: "subscriptions, each with at most one question to a worker",
    place: "gateway",
    per: "node",
    unit: "count",
    setBy: "constant",
    cap: constant(fixed.SUBSCRIPTIONS_MAX),
    item: none,
    weight: none,
    atCap: "429; so it is at 64 of one stream. On the heap",
    test: [STREAM, "no more subscriptions than the cap"],
  },
  {
    name: "subscription.pages",
    holds: "pages that are being read for subscriptions, or that sockets have not taken",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "subscribe.maxHeldBytes",
    cap: (config) => config.subscribe.maxHeldBytes,
    item: beyond(pageBytes, (config) => config.subscribe.maxHeldBytes),
    weight: one,
    atCap: "the next page waits for its turn; a client that takes nothing for a minute is cut off",
    test: ["packages/node/http/test/stream/pageBudget.test.ts", "at its smallest legal value"],
  },
  {
    name: "subscription.buffer",
    holds: "pages of one subscription that its socket has not taken",
    place: "gateway",
    per: "node",
    unit: "bytes",
    setBy: "subscribe.maxBufferedBytes",
    cap: (config) => config.subscribe.maxBufferedBytes,
    item: pageBytes,
    weight: none,
    atCap: "nothing more is read for it. Counted in `subscription.pages`",
    test: [STREAM, "at its smallest legal value"],
  },
];
