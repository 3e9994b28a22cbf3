import type { BadInputCode } from "@annals/record";
import { BLOB_ERRORS } from "./blobErrors.ts";
import type { BlobErrorCode } from "./blobErrors.ts";
import { RESOLVE_ERRORS } from "./resolveErrors.ts";
import type { ResolveErrorCode } from "./resolveErrors.ts";
import { SCHEMA_ERRORS } from "./schemaErrors.ts";
import type { SchemaErrorCode } from "./schemaErrors.ts";
import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";
import { GROUP_ERRORS } from "./groupErrors.ts";
import type { GroupErrorCode } from "./groupErrors.ts";
import { INPUT_ERRORS } from "./inputErrors.ts";
import { STREAM_ERRORS } from "./streamErrors.ts";
import type { StreamErrorCode } from "./streamErrors.ts";
import { OFFER_ERRORS } from "./offerErrors.ts";
import type { OfferErrorCode } from "./offerErrors.ts";
import { LOAD_ERRORS } from "./loadErrors.ts";
import type { LoadErrorCode } from "./loadErrors.ts";
import { PRODUCER_ERRORS } from "./producerErrors.ts";
import type { ProducerErrorCode } from "./producerErrors.ts";

/** The codes that have a status of their own. Never reused for another meaning. */
export type HttpErrorCode =
  | BadInputCode
  | BlobErrorCode
  | ResolveErrorCode
  | SchemaErrorCode
  | LoadErrorCode
  | ProducerErrorCode
  | OfferErrorCode
  | StreamErrorCode
  | GroupErrorCode
  | "ERR_PARAMETER_UNKNOWN"
  | "ERR_PARAMETER_INVALID"
  | "ERR_HEADER_INVALID"
  | "ERR_CURSOR_INVALID"
  | "ERR_REQUEST_MALFORMED"
  | "ERR_ROUTE_NOT_FOUND"
  | "ERR_LOG_NOT_FOUND"
  | "ERR_RECORD_NOT_FOUND"
  | "ERR_PRODUCER_NOT_FOUND"
  | "ERR_NODE_UNKNOWN"
  | "ERR_METHOD_NOT_ALLOWED"
  | "ERR_NOT_ACCEPTABLE"
  | "ERR_LOG_EXISTS"
  | "ERR_LOG_RESERVED"
  | "ERR_ORIGIN_FORBIDDEN"
  | "ERR_BODY_TOO_LARGE"
  | "ERR_CONTENT_TYPE_UNSUPPORTED"
  | "ERR_CONTENT_ENCODING_UNSUPPORTED"
  | "ERR_INTERNAL"
  | "ERR_ENTRY_DAMAGED"
  | "ERR_LOG_DAMAGED"
  | "ERR_STORAGE_FAILED"
  | "ERR_NO_LEADER"
  | "ERR_NOT_LEADER"
  | "ERR_LEADER_UNREACHABLE"
  | "ERR_NO_QUORUM"
  | "ERR_REPLICA_CLOSED"
  | "ERR_REPLICA_BROKEN"
  | "ERR_STORAGE_CLOSED"
  | "ERR_RECORD_UNREADABLE"
  | "ERR_NOT_READY"
  | "ERR_LOG_NOT_OPEN"
  | "ERR_LOG_REPAIRING"
  | "ERR_LOG_DIVERGED"
  | "ERR_NODE_STOPPING"
  | "ERR_NO_SUCCESSOR"
  | "ERR_WORKER_LOST"
  | "ERR_OUTCOME_UNKNOWN"
  | "ERR_TRANSFER_TIMEOUT"
  | "ERR_DISK_FULL"
  | "ERR_DISK_UNAVAILABLE"
  | "ERR_MEMORY_LIMIT";

/** Code → answer. */
export const ERROR_TABLE: Readonly<Record<HttpErrorCode, ErrorEntry>> = {
  ...INPUT_ERRORS,
  ...BLOB_ERRORS,
  ...RESOLVE_ERRORS,
  ...SCHEMA_ERRORS,
  ...LOAD_ERRORS,
  ...PRODUCER_ERRORS,
  ...OFFER_ERRORS,
  ...STREAM_ERRORS,
  ...GROUP_ERRORS,
  ERR_PARAMETER_UNKNOWN: entry(
    400,
    "Unknown parameter",
    "The query string or the JSON body has a name that the route does not know, or has one twice.",
    "The detail names the nearest known one.",
  ),
  ERR_PARAMETER_INVALID: entry(
    400,
    "Invalid parameter",
    "A parameter of the path, the query string or the JSON body has no valid value.",
    "The detail says what was expected.",
  ),
  ERR_HEADER_INVALID: entry(
    400,
    "Invalid header",
    "`Annals-Producer` or `Annals-Timeout` cannot be read.",
    "Write `Annals-Producer: id;epoch=1;sequence=7` and `Annals-Timeout: 5s` (at most 60s).",
  ),
  ERR_CURSOR_INVALID: entry(
    400,
    "Invalid cursor",
    "The cursor was not made by this version of the server, or for another log or another query.",
    "Use a cursor only with the very parameters that it came from, or start again without it.",
  ),
  ERR_REQUEST_MALFORMED: entry(
    400,
    "Malformed request",
    "The request is not valid HTTP, its headers are too large, or its path cannot be decoded.",
    "Check the client or a proxy in between.",
  ),
  ERR_ROUTE_NOT_FOUND: entry(
    404,
    "No such route",
    "Nothing is served under this path.",
    "GET /openapi.json lists every route.",
  ),
  ERR_LOG_NOT_FOUND: entry(
    404,
    "No such log",
    "The cluster has no log of this name.",
    "Create it (`annals log create NAME`) or correct the name; `annals log list` prints them.",
  ),
  ERR_RECORD_NOT_FOUND: entry(
    404,
    "No such record",
    "The seq lies outside the log's first and last.",
    "`GET /v1/logs` shows both.",
  ),
  ERR_PRODUCER_NOT_FOUND: entry(
    404,
    "No such producer",
    "The log knows no producer of this id: it never appended, or was silent so long that it " +
      "was forgotten.",
    "Begin with sequence 1.",
  ),
  ERR_NODE_UNKNOWN: entry(
    404,
    "No such node",
    "The cluster has no node of this id.",
    "`annals cluster status` lists the nodes.",
  ),
  ERR_METHOD_NOT_ALLOWED: entry(
    405,
    "Method not allowed",
    "The path exists, the method does not. The Allow header lists those that do.",
    "GET /openapi.json lists every route.",
  ),
  ERR_NOT_ACCEPTABLE: entry(
    406,
    "Not acceptable",
    "None of the media types in Accept can be served.",
    "Accept application/json or application/x-ndjson.",
  ),
  ERR_LOG_EXISTS: entry(
    409,
    "Log exists",
    "The cluster has a log of this name already.",
    "Use it, or choose another name.",
  ),
  ERR_ORIGIN_FORBIDDEN: entry(
    403,
    "Cross-origin request",
    "The request comes from a web page of another origin. Otherwise any page that a user " +
      "opens could change the log.",
    "Call the API from a program, or from a page that the node itself serves.",
  ),
  ERR_LOG_RESERVED: entry(
    403,
    "Reserved log",
    "Logs whose name begins with an underscore belong to the cluster: they take no records " +
      "from outside.",
    "Append to another log.",
  ),
  ERR_BODY_TOO_LARGE: entry(
    413,
    "Body too large",
    "The body exceeds `ingest.maxBodyBytes`. Nothing of it was stored.",
    "Send smaller requests, or raise the limit.",
  ),
  ERR_CONTENT_TYPE_UNSUPPORTED: entry(
    415,
    "Unsupported content type",
    "The Content-Type is not application/json, application/x-ndjson or application/msgpack.",
    "Set the Content-Type header to what the body is.",
  ),
  ERR_CONTENT_ENCODING_UNSUPPORTED: entry(
    415,
    "Unsupported content encoding",
    "Bodies of appends may be compressed once by gzip, deflate or zstd; other bodies must not " +
      "be compressed.",
    "Compress by one of these, or send the body without Content-Encoding.",
  ),
  ERR_INTERNAL: entry(
    500,
    "Internal error",
    "The server failed unexpectedly. Whether an append was stored is unknown.",
    "The node's log has the cause; please report it.",
  ),
  ERR_RECORD_UNREADABLE: entry(
    500,
    "Unreadable record",
    "The stored bytes are what was stored, but this version cannot read them as a record.",
    "Read with the version that wrote it; please report it.",
  ),
  ERR_ENTRY_DAMAGED: entry(
    500,
    "Damaged entry",
    "Stored bytes do not match their checksum. Nothing is answered from them.",
    "Read from another node; run `annals fsck` on this one.",
  ),
  ERR_LOG_DAMAGED: entry(
    500,
    "Damaged log",
    "This node's disk holds less, or something else, than the node had acknowledged.",
    "Read from another node; run `annals fsck` on this one.",
  ),
  ERR_STORAGE_FAILED: entry(
    503,
    "Storage failed",
    "A write or flush failed; the node stops voting and ends. Whether an append was stored is " +
      "unknown.",
    "Repeat with the same producer stamp: another node takes over. Check this node's disk.",
    1,
  ),
  ERR_NO_LEADER: entry(
    503,
    "No leader",
    "The log has no leader that this node knows: an election is going on, or no quorum is " +
      "reachable. Nothing was accepted.",
    "Repeat after Retry-After seconds; `annals cluster health` says what is missing.",
    1,
  ),
  ERR_NOT_LEADER: entry(
    503,
    "Not the leader",
    "The leader changed while the request was on its way. Nothing was accepted.",
    "Repeat after Retry-After seconds.",
    1,
  ),
  ERR_LEADER_UNREACHABLE: entry(
    503,
    "Leader unreachable",
    "This node could not connect to the leader. Nothing was accepted.",
    "Repeat after Retry-After seconds, or send it to another node.",
    1,
  ),
  ERR_NO_QUORUM: entry(
    503,
    "No quorum",
    "No quorum confirmed in time that this node's answer would be current.",
    "Repeat; or read with consistency=local what this node has.",
    1,
  ),
  ERR_REPLICA_BROKEN: entry(
    503,
    "Copy out of service",
    "The node's copy of the log broke one of its own rules or lost its disk, and stopped. " +
      "Whether an append was stored is unknown.",
    "Repeat with the same producer stamp, at another node; the node's log has the cause.",
    1,
  ),
  ERR_DISK_UNAVAILABLE: entry(
    503,
    "Disk unavailable",
    "The system does not let the node write or open its files: the disk is read-only or not " +
      "its own, or there are no file " +
      "descriptors left. `details` has `errno` and `path`. Appends are refused, reads go on; " +
      "nothing was half-written.",
    "The detail says what to do. The node tries again by itself; meanwhile send requests to " +
      "another node.",
    5,
  ),
  ERR_STORAGE_CLOSED: entry(
    503,
    "Storage closed",
    "The node is closing the log. Whether an append was stored is unknown.",
    "Repeat with the same producer stamp.",
    1,
  ),
  ERR_REPLICA_CLOSED: entry(
    503,
    "Shutting down",
    "The node or its copy of the log is shutting down. Nothing was accepted.",
    "Repeat after Retry-After seconds, or send it to another node.",
    1,
  ),
  ERR_NOT_READY: entry(
    503,
    "Not ready",
    "The node is starting, waits for the birth of the cluster, or is shutting down. Nothing " +
      "was accepted.",
    "`GET /readyz` lists what it waits for.",
    1,
  ),
  ERR_LOG_NOT_OPEN: entry(
    503,
    "Log not open",
    "The node is opening its copy of the log. Nothing was accepted.",
    "Repeat after Retry-After seconds, or ask another node.",
    1,
  ),
  ERR_LOG_REPAIRING: entry(
    503,
    "Log is being repaired",
    "The node has found damage in its copy of the log and gets it back from its peers. " +
      "Nothing was accepted.",
    "Repeat after Retry-After seconds, or ask another node. `GET /readyz` tells how far it is.",
    1,
  ),
  ERR_LOG_DIVERGED: entry(
    503,
    "Log has diverged",
    "This node's copy of the log and another one differ in entries that were committed: a " +
      "disk was rolled back or exchanged. Nothing was accepted.",
    "Repeating does not help. Read with `consistency=local`; " +
      "`annals log resolve LOG --keep NODE` keeps the copy that you choose (operations.md).",
  ),
  ERR_NODE_STOPPING: entry(
    503,
    "Node is stopping",
    "The node is shutting down. Nothing was accepted.",
    "Send it to another node.",
    1,
  ),
  ERR_NO_SUCCESSOR: entry(
    503,
    "No successor",
    "No other voter that could take over the leadership is reachable. This node goes on leading.",
    "Bring another node back first.",
    1,
  ),
  ERR_WORKER_LOST: entry(
    503,
    "Worker lost",
    "The thread that owned the log ended; another takes the log over. Whether an append was " +
      "stored is unknown.",
    "Repeat with the same producer stamp.",
    1,
  ),
  ERR_OUTCOME_UNKNOWN: entry(
    504,
    "Outcome unknown",
    "No quorum confirmed the append in time. Its records may become part of the log or not.",
    "Repeat with the same producer stamp: then it is stored once. Without a stamp, read the " +
      "log before you repeat.",
  ),
  ERR_TRANSFER_TIMEOUT: entry(
    504,
    "Transfer timed out",
    "The successor did not take over the leadership in time. This node goes on leading.",
    "Repeat, or name another node.",
  ),
  ERR_DISK_FULL: entry(
    507,
    "Disk full",
    "Free space is below `storage.minFreeBytes`, or the system says that there is no room, no " +
      "inode or no quota left. Appends are " +
      "refused, reads go on; nothing was half-written.",
    "Free disk space on the node.",
    10,
  ),
  ERR_MEMORY_LIMIT: entry(
    507,
    "Memory limit",
    "With one more log, or with its configuration as it is, the node could need more memory " +
      "than `memory.limit`: " +
      "`details` has both numbers. The log was not created; a node that starts so ends with 78.",
    "`annals config check` prints what each queue may need: lower a cap, or raise the limit " +
      "on every node.",
  ),
};

export function findError(code: string): ErrorEntry | undefined {
  const table: Readonly<Record<string, ErrorEntry>> = ERROR_TABLE;
  return Object.hasOwn(table, code) ? table[code] : undefined;
}
