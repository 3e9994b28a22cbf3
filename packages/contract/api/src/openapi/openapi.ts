import { LIMIT_MAX } from "@annals/flow";
import { LANE_KEYS, recordSchema } from "@annals/record";
import { STREAM_PROTOCOLS } from "@annals/wire";
import { RECORD_CONTENT_TYPES } from "../records.ts";
import { INGEST_SCHEMAS } from "./ingestSchemas.ts";
import { GROUP_PATHS, GROUP_SCHEMAS } from "./openapiGroups.ts";
import { RESOLVE_PATHS, RESOLVE_SCHEMAS } from "./openapiResolve.ts";
import { SCHEMA_PATHS, SCHEMA_SCHEMAS } from "./openapiSchemas.ts";
import {
  json,
  listOf,
  LOG,
  object,
  operation,
  parameter,
  reference,
  seq,
  text,
} from "./openapiParts.ts";
import type { Json } from "./openapiParts.ts";

const SHA256 = parameter(
  "path",
  "sha256",
  { type: "string", pattern: "^[0-9a-f]{64}$" },
  "SHA-256 of the bytes, in lower-case hexadecimal digits.",
);
const CONSISTENCY = parameter(
  "query",
  "consistency",
  { type: "string", enum: ["linearizable", "local"], default: "linearizable" },
  "`linearizable` waits until a quorum confirms that the answer is current; `local` answers from what the node has.",
);

const READ_QUERY: readonly Json[] = [
  parameter("query", "from", seq, "First seq."),
  parameter("query", "to", seq, "Last seq."),
  parameter(
    "query",
    "since",
    { type: "string", format: "date-time" },
    "Recorded at this time or later.",
  ),
  parameter(
    "query",
    "until",
    { type: "string", format: "date-time" },
    "Recorded before this time.",
  ),
  parameter("query", "actor", text, "Equal to `actor.id`."),
  parameter(
    "query",
    "action",
    text,
    "Equal to `action`, or its beginning: `file.*`. An asterisk of the action itself is `\\*`.",
  ),
  parameter("query", "target", text, "Equal to the `id` of one of the targets."),
  parameter("query", "tenant", text, "Equal to `tenant`."),
  parameter("query", "lane", text, "Only this lane, such as `0/4`: number 0 of 4."),
  parameter(
    "query",
    "laneKey",
    { type: "string", enum: [...LANE_KEYS], default: "actor" },
    "What of a record its lane is found by.",
  ),
  parameter(
    "query",
    "limit",
    { type: "integer", minimum: 1, maximum: LIMIT_MAX, default: 100 },
    "At most so many records.",
  ),
  parameter("query", "cursor", text, "`next` of an earlier page of the same query."),
  parameter("query", "order", { type: "string", enum: ["asc", "desc"], default: "asc" }, "By seq."),
  CONSISTENCY,
  parameter(
    "query",
    "wait",
    { type: "string", example: "10s" },
    "How long to wait for a first record, at most 60s.",
  ),
];

/** What the scanner judges by. */
const APPENDED = recordSchema() as Json & {
  readonly properties: Json;
  readonly required: readonly string[];
};
const APPEND_BODY: Json = {
  oneOf: [
    reference("AppendRecord"),
    { type: "array", items: reference("AppendRecord"), minItems: 1 },
  ],
};

const SCHEMAS: Json = {
  ...INGEST_SCHEMAS,
  ...GROUP_SCHEMAS,
  ...SCHEMA_SCHEMAS,
  ...RESOLVE_SCHEMAS,
  Blob: object({ sha256: text, bytes: { type: "integer", minimum: 0 } }),
  AppendRecord: { description: "One audit record as it is appended.", ...APPENDED },
  Record: {
    description: "One audit record as it is read.",
    ...APPENDED,
    properties: {
      seq,
      recordedAt: {
        type: "string",
        format: "date-time",
        description:
          "The time of the leader, held against the clocks of the other nodes; never falls.",
      },
      ...APPENDED.properties,
    },
    required: ["seq", "recordedAt", ...APPENDED.required],
  },
  Page: object({
    items: { type: "array", items: reference("Record") },
    covered: object({ from: { type: "integer" }, to: { type: "integer" } }),
    next: { type: ["string", "null"] },
    more: { type: "boolean", description: "Whether there is more to read right now." },
  }),
  AppendReply: object(
    {
      firstSeq: seq,
      lastSeq: seq,
      count: { type: "integer" },
      duplicate: { type: "boolean", description: "The producer had sent this request before." },
      schemas: {
        type: "object",
        additionalProperties: seq,
        description: "Versions of the schemas that records were judged by, by action, if any was.",
      },
    },
    ["firstSeq", "lastSeq", "count", "duplicate"],
  ),
  Producer: object({
    id: text,
    epoch: seq,
    sequence: seq,
    firstSeq: seq,
    lastSeq: seq,
    nextEpoch: { ...seq, description: "In which it may begin anew, with sequence 1." },
  }),
  Log: object(
    {
      name: text,
      state: {
        enum: ["open", "opening", "repairing", "diverged", "silent"],
        description: "Whether the node that answers can serve the log from its own copy.",
      },
      reason: { ...text, description: "Why the log is not open." },
      firstSeq: seq,
      lastSeq: { type: "integer" },
      leader: text,
      diskBytes: { type: "integer" },
    },
    ["name", "state"],
  ),
  Problem: object({
    type: text,
    title: text,
    status: { type: "integer" },
    detail: text,
    code: text,
    retryable: { type: "boolean" },
    details: { type: "object" },
  }),
};

const HEALTH = (word: string): Json =>
  operation(
    word === "live" ? "healthz" : "readyz",
    `Whether the node is ${word}`,
    {},
    {
      "200": json(
        object({ [word]: { type: "boolean" }, reasons: { type: "array", items: text } }),
        "It is.",
      ),
      "503": json({ type: "object" }, "It is not, and why."),
    },
  );

const PATHS: Json = {
  "/v1/logs/{log}/records": {
    post: operation(
      "append",
      "Append records; answers when a quorum has flushed them",
      {
        parameters: [
          LOG,
          parameter(
            "header",
            "Annals-Producer",
            { type: "string", example: "billing-1;epoch=1;sequence=7" },
            "Makes a repeat harmless.",
          ),
          parameter(
            "header",
            "Annals-Timeout",
            { type: "string", example: "5s" },
            "After which the outcome is reported as unknown.",
          ),
        ],
        requestBody: {
          required: true,
          description: "As it is, or compressed once: Content-Encoding gzip, deflate or zstd.",
          content: Object.fromEntries(
            RECORD_CONTENT_TYPES.map((type) => [
              type,
              type === "application/json" ? { schema: APPEND_BODY } : {},
            ]),
          ),
        },
      },
      { "200": json(reference("AppendReply"), "All records are committed.") },
    ),
    get: operation(
      "query",
      "Read a page of records",
      { parameters: [LOG, ...READ_QUERY] },
      {
        "200": {
          description:
            "The page; as NDJSON, what was covered and the cursor are in Annals-Covered, Annals-More and Annals-Next.",
          content: {
            "application/json": { schema: reference("Page") },
            "application/x-ndjson": {},
          },
        },
      },
    ),
  },
  "/v1/logs/{log}/records/{seq}": {
    get: operation(
      "get",
      "Read one record",
      { parameters: [LOG, parameter("path", "seq", seq, "Its position."), CONSISTENCY] },
      { "200": json(reference("Record"), "The record.") },
    ),
  },
  ...GROUP_PATHS,
  ...SCHEMA_PATHS,
  ...RESOLVE_PATHS,
  "/v1/logs/{log}/blobs/{sha256}": {
    put: operation(
      "uploadBlob",
      "Upload an attachment under the SHA-256 of its bytes; answers when the leader has it on disk",
      {
        parameters: [LOG, SHA256],
        requestBody: { required: true, content: { "application/octet-stream": {} } },
      },
      {
        "200": json(reference("Blob"), "It was there already."),
        "201": json(reference("Blob"), "It is there now: records may name it."),
      },
    ),
    get: operation(
      "downloadBlob",
      "Download an attachment",
      { parameters: [LOG, SHA256] },
      { "200": { description: "Its bytes.", content: { "application/octet-stream": {} } } },
    ),
  },
  "/v1/logs/{log}/producers/{id}": {
    get: operation(
      "producer",
      "Where an idempotent producer stands",
      { parameters: [LOG, parameter("path", "id", text, "Id of the producer.")] },
      { "200": json(reference("Producer"), "Its latest request.") },
    ),
  },
  "/v1/logs/{log}/transfer-leadership": {
    post: operation(
      "transferLeadership",
      "Hand the leadership of a log to another node",
      {
        parameters: [LOG],
        requestBody: {
          required: false,
          content: { "application/json": { schema: object({ to: text }, []) } },
        },
      },
      { "200": json({ type: "object" }, "The node leads no more.") },
    ),
  },
  "/v1/logs": {
    get: operation("listLogs", "List the logs", {}, { "200": json(listOf("Log"), "Every log.") }),
    post: operation(
      "createLog",
      "Create a log",
      {
        requestBody: {
          required: true,
          content: { "application/json": { schema: object({ name: text }) } },
        },
      },
      { "201": json(reference("Log"), "The new log.") },
    ),
  },
  "/v1/cluster": {
    get: operation(
      "cluster",
      "State of the cluster as this node sees it",
      {},
      {
        "200": json({ type: "object" }, "Nodes, logs, replicas and whatever is wrong."),
      },
    ),
  },
  "/v1/ingest/stats": {
    get: operation(
      "ingestStats",
      "What came in at this node since its process began: buffered, accepted, refused, repeated, decompressed",
      {},
      { "200": json(reference("IngestStats"), "By log, and for the node.") },
    ),
  },
  "/v1/stream": {
    get: operation(
      "stream",
      "Append and subscribe on one WebSocket, with credits; its messages are in docs/protocol.md",
      {
        parameters: [
          parameter(
            "header",
            "Sec-WebSocket-Protocol",
            { type: "string", enum: STREAM_PROTOCOLS },
            "How heads and records are written.",
          ),
        ],
      },
      { "101": { description: "The connection is a WebSocket now." } },
    ),
  },
  "/healthz": { get: HEALTH("live") },
  "/readyz": { get: HEALTH("ready") },
  "/metrics": {
    get: operation(
      "metrics",
      "The same and the state of the node, for Prometheus; docs/operations.md lists the metrics",
      {},
      { "200": { description: "Prometheus text.", content: { "text/plain": {} } } },
    ),
  },
  "/openapi.json": {
    get: operation(
      "openapi",
      "This document",
      {},
      { "200": json({ type: "object" }, "OpenAPI 3.1.") },
    ),
  },
};

/** Describes the API (OpenAPI 3.1). A test holds it and the routes together. */
export function openApiDocument(): Json {
  return {
    openapi: "3.1.0",
    info: { title: "Annals", version: "1", license: { name: "Apache-2.0" } },
    paths: PATHS,
    components: { schemas: SCHEMAS },
  };
}
