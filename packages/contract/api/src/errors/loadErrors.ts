import { entry } from "./errorEntry.ts";
import type { ErrorEntry } from "./errorEntry.ts";

export type LoadErrorCode =
  | "ERR_OVERLOADED"
  | "ERR_NODE_OVERLOADED"
  | "ERR_UNCOMMITTED_FULL"
  | "ERR_OPEN_FILES_LIMIT"
  | "ERR_REQUEST_TIMEOUT"
  | "ERR_UPLOAD_TOO_SLOW"
  | "ERR_TOO_MANY_CONNECTIONS"
  | "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS";

const REPEAT =
  "Repeat it after Retry-After seconds, which follow the pace at which requests are worked " +
  "off; `details.retryAfterMs` is exact.";

const REPEAT_IN_TIME =
  `${REPEAT} The refusal itself waits up to a second when there are hundreds, and up to four seconds for a connection that comes ` +
  "back too early again and again.";

/** What is refused because there is too much of it, or because it comes too slowly. */
export const LOAD_ERRORS: Readonly<Record<LoadErrorCode, ErrorEntry>> = {
  ERR_OVERLOADED: entry(
    429,
    "Overloaded",
    "Requests for the log already hold as many bytes as they may: `ingest.maxPendingBytes` " +
      "for appends, `query.maxHeldBytes` for " +
      "answers. Nothing of the request was accepted.",
    REPEAT_IN_TIME,
    1,
  ),
  ERR_NODE_OVERLOADED: entry(
    503,
    "Node overloaded",
    "Requests for all logs together hold as many bytes as the node may " +
      "(`ingest.maxHeldBytes`). Nothing of this one was accepted.",
    REPEAT_IN_TIME,
    1,
  ),
  ERR_UNCOMMITTED_FULL: entry(
    503,
    "Quorum too slow",
    "The leader has proposed `raft.maxUncommittedBytes` that no quorum has flushed yet, and " +
      "the queue behind them is full. " +
      "Nothing of the request was accepted.",
    REPEAT,
    1,
  ),
  ERR_OPEN_FILES_LIMIT: entry(
    507,
    "Open files limit",
    "With one more log, or with its configuration as it is, clients could take the files that " +
      "the node needs for its segments and links: " +
      "`details` has what it may need and what the system allows. The log was not created; a " +
      "node that starts so ends with 78.",
    "Raise the limit of whatever starts the node (`ulimit -Hn`, `LimitNOFILE`, `--ulimit " +
      "nofile`), or lower `http.maxConnections` and " +
      "`subscribe.maxStreams`.",
  ),
  ERR_REQUEST_TIMEOUT: entry(
    408,
    "Request timeout",
    "The head of the request did not arrive within `http.headersTimeout`, or its body not " +
      "within `http.requestTimeout`. The " +
      "connection is closed.",
    "Send smaller bodies over a slow network.",
  ),
  ERR_UPLOAD_TOO_SLOW: entry(
    408,
    "Upload too slow",
    "The body arrived slower than `ingest.minUploadRate` for `ingest.uploadGrace`, or it " +
      "stood still while other requests needed the room.",
    "Start a request when its whole body is ready to be sent.",
  ),
  ERR_TOO_MANY_CONNECTIONS: entry(
    503,
    "Too many connections",
    "Clients have `http.maxConnections` open, or too many connections have not sent the head " +
      "of a request and this one was the " +
      "oldest. The connection is closed. Links between nodes, requests that nodes pass on, " +
      "and probes have places of their own.",
    "Use fewer connections, or raise the key; open a connection when there is a request to send.",
    1,
  ),
  ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS: entry(
    503,
    "Too many connections from one address",
    "`http.maxConnectionsPerAddress` connections are open from this address, or from the same " +
      "/64 of IPv6. The connection is closed.",
    "Use fewer connections; raise the key where many clients share an address.",
    1,
  ),
};
