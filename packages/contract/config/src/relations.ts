import { FRAMING_BYTES } from "@annals/flow";
import { UPLOAD_CHUNKS } from "./budget/constants.ts";
import { isLoopback, parseAddress } from "./address.ts";
import { findKey } from "./keys/keys.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** Values by key path, resolved; keys whose own value is wrong are missing. */
export type ResolvedValues = ReadonlyMap<string, unknown>;

export interface RelationProblem {
  /** The keys that do not go together; the problem is shown at the first one that somebody set. */
  readonly paths: readonly [string, ...string[]];
  readonly message: string;
  readonly hint: string;
}

interface Relation {
  readonly low: string;
  readonly high: string;
  /** So many of the low side together. */
  readonly times?: number;
  /** Added to the low side. */
  readonly plus?: number;
  /** Equal values are wrong, too. */
  readonly strict?: true;
  readonly why: string;
}

/** What must not exceed what. Together: whatever was accepted can be batched, sent, received and applied. */
const RELATIONS: readonly Relation[] = [
  {
    low: "raft.heartbeatTicks",
    high: "raft.electionTicks",
    strict: true,
    why: "a follower must hear its leader before it campaigns",
  },
  {
    low: "ingest.maxRecordBytes",
    high: "batch.maxBytes",
    why: "an accepted record must fit a batch",
  },
  {
    low: "ingest.maxRecordBytes",
    high: "ingest.maxBodyBytes",
    why: "a record of the allowed size must be appendable",
  },
  { low: "batch.maxBytes", high: "replication.append.maxBytes", why: "a batch must fit a message" },
  {
    low: "replication.append.maxBytes",
    high: "replication.maxMessageBytes",
    plus: FRAMING_BYTES,
    why: "what was accepted must be sendable",
  },
  {
    low: "replication.blob.chunkBytes",
    high: "replication.maxMessageBytes",
    plus: FRAMING_BYTES,
    why: "a chunk of a blob must be sendable",
  },
  {
    low: "replication.blob.chunkBytes",
    high: "ingest.maxHeldBytes",
    times: UPLOAD_CHUNKS,
    why: "an upload must be admissible",
  },
  {
    low: "replication.append.maxBytes",
    high: "replication.append.maxInflightBytes",
    why: "the window must hold one message",
  },
  {
    low: "replication.append.maxInflightBytes",
    high: "replication.receive.maxQueueBytes",
    why: "a follower must hold what a leader may send",
  },
  {
    low: "replication.maxMessageBytes",
    high: "replication.receive.maxQueueBytes",
    why: "the receive queue must hold one message",
  },
  {
    low: "replication.maxMessageBytes",
    high: "workers.maxQueueBytes",
    why: "a worker must hold one message",
  },
  {
    low: "replication.maxMessageBytes",
    high: "storage.segmentBytes",
    why: "a segment must hold at least one message",
  },
  {
    low: "replication.receive.yieldAfter",
    high: "raft.tick",
    strict: true,
    why: "heartbeats must get through while entries are decoded",
  },
  { low: "batch.maxBytes", high: "raft.maxUncommittedBytes", why: "a batch must be proposable" },
  {
    low: "ingest.maxBodyBytes",
    high: "ingest.maxPendingBytes",
    why: "a request of the allowed size must be admissible",
  },
  {
    low: "ingest.maxDecodedBytes",
    high: "ingest.maxPendingBytes",
    why: "a request of the allowed size must be admissible",
  },
  {
    low: "ingest.maxPendingBytes",
    high: "ingest.maxHeldBytes",
    why: "the node must hold what one log may",
  },
  {
    low: "ingest.maxDecodedBytes",
    high: "raft.maxUncommittedBytes",
    why: "a request of the allowed size must be proposable",
  },
  {
    low: "ingest.maxBodyBytes",
    high: "raft.maxUncommittedBytes",
    why: "a request of the allowed size must be proposable",
  },
];

/** The least value that a key may have beside the others. */
export function leastValue(path: string, values: ResolvedValues): number {
  const lows = RELATIONS.filter(({ high }) => high === path).map((relation) =>
    needed(relation, Number(values.get(relation.low) ?? 0)),
  );
  return Math.max(0, ...lows);
}

/** What the high side must hold when the low side has this value. */
function needed({ times = 1, plus = 0 }: Relation, low: number): number {
  return times * low + plus;
}

function show(path: string, value: number): string {
  const kind = findKey(path)?.kind;
  if (kind === "bytes") return formatBytes(value);
  return kind === "duration" ? formatDuration(value) : String(value);
}

function checkRelation(relation: Relation, values: ResolvedValues): RelationProblem[] {
  const low = values.get(relation.low);
  const high = values.get(relation.high);
  if (typeof low !== "number" || typeof high !== "number") return [];
  const { times = 1, plus = 0 } = relation;
  const least = needed(relation, low);
  if (relation.strict === true ? least < high : least <= high) return [];
  const count = times > 1 ? `${times} times ` : "";
  const framing = plus > 0 ? ` plus ${formatBytes(plus)} of framing` : "";
  const lowText = `${count}${relation.low} (${show(relation.low, low)})${framing}`;
  const highText = `${relation.high} (${show(relation.high, high)})`;
  const bound = relation.strict === true ? "must be below" : "must not exceed";
  return [
    {
      paths: [relation.low, relation.high],
      message: `${lowText} ${bound} ${highText}`,
      hint: `${relation.why}: lower ${relation.low} or raise ${relation.high}`,
    },
  ];
}

/** Without keys and encryption, a listener that others can reach must be wanted explicitly. */
function checkExposure(values: ResolvedValues): RelationProblem[] {
  const nodes = values.get("nodes");
  if (values.get("insecure") !== false || typeof nodes !== "object" || nodes === null) return [];
  const listen = values.get("listen");
  const listener = typeof listen === "string" ? parseAddress(listen) : undefined;
  if (listener !== undefined && !isLoopback(listener.host))
    return [exposure("listen", `listen (${String(listen)})`)];
  const exposed = Object.entries(nodes).filter(([, text]) => {
    const address = parseAddress(String(text));
    return address !== undefined && !isLoopback(address.host);
  });
  if (exposed.length === 0) return [];
  const list = exposed.map(([id, text]) => `${id} (${String(text)})`).join(", ");
  return [exposure("nodes", list)];
}

function exposure(path: string, what: string): RelationProblem {
  return {
    paths: [path],
    message: `beyond loopback: ${what}; connections are neither encrypted nor authenticated`,
    hint: 'if the network is trusted, allow it with "insecure: true" or --insecure',
  };
}

/** Every broken relation between the values. */
export function checkRelations(values: ResolvedValues): RelationProblem[] {
  return [
    ...RELATIONS.flatMap((relation) => checkRelation(relation, values)),
    ...checkExposure(values),
  ];
}
