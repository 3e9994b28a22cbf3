import { AnnalsError, BadInputError } from "@annals/record";

/**
 * A call that failed. `code` is the server's, or one of the client's own: `ERR_CONNECT_FAILED` (no server took the request),
 * `ERR_OUTCOME_UNKNOWN` (a server took it and gave no answer), `ERR_TIMEOUT`, `ERR_ABORTED`, `ERR_CLIENT_CLOSED`, `ERR_ANSWER_INVALID`.
 */
export class ClientError extends AnnalsError {
  override readonly name = "ClientError";
  /** HTTP status, when a server answered. */
  readonly status: number | undefined;
  /** Whether it is certain that nothing of the request was accepted; then a repeat cannot duplicate anything. */
  readonly notAccepted: boolean;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: `ERR_${string}`,
    message: string,
    options: {
      status?: number;
      retryable?: boolean;
      notAccepted?: boolean;
      retryAfterMs?: number | undefined;
      details?: Record<string, unknown>;
      cause?: unknown;
    } = {},
  ) {
    super(code, message, options);
    this.status = options.status;
    this.notAccepted = options.notAccepted ?? false;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** The same of a call of which an earlier attempt may have been accepted. */
  afterUnknown(): ClientError {
    const { message, status, retryable, retryAfterMs, details } = this;
    const options = { retryable, notAccepted: false, retryAfterMs, details, cause: this };
    return new ClientError(
      this.code as `ERR_${string}`,
      message,
      status === undefined ? options : { ...options, status },
    );
  }
}

/** Wrong options of the client, of a writer or a stream: a fault of the program. */
export function invalidOptions(what: string): ClientError {
  return new ClientError("ERR_CLIENT_OPTIONS", what, { notAccepted: true });
}

/** Something that is no record at all, and was not sent. */
export function invalidRecord(what: string): ClientError {
  return new ClientError("ERR_RECORD_FIELD_TYPE", what, { notAccepted: true });
}

/** What `judge` returns; what it refuses as no valid record is a ClientError. */
export function judged<T>(judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    const { code, message, details } = error;
    throw new ClientError(code as `ERR_${string}`, message, {
      notAccepted: true,
      details: { ...details },
      cause: error,
    });
  }
}

/** Answers by which the server says that it took nothing. */
const NOT_ACCEPTED = new Set([
  "ERR_OVERLOADED",
  "ERR_NODE_OVERLOADED",
  "ERR_UNCOMMITTED_FULL",
  "ERR_TOO_MANY_CONNECTIONS",
  "ERR_TOO_MANY_CONNECTIONS_OF_ADDRESS",
  "ERR_NO_LEADER",
  "ERR_NOT_LEADER",
  "ERR_LEADER_UNREACHABLE",
  "ERR_REPLICA_CLOSED",
  "ERR_NOT_READY",
  "ERR_LOG_NOT_OPEN",
  "ERR_LOG_REPAIRING",
  "ERR_NODE_STOPPING",
  "ERR_NO_QUORUM",
  "ERR_DISK_FULL",
  "ERR_DISK_UNAVAILABLE",
]);

/** Reads a problem document; whatever else came is reported by its status. */
export function errorOfAnswer(
  status: number,
  body: unknown,
  retryAfter: string | null,
  url: string,
): ClientError {
  const problem = fieldsOf(body);
  const { code, detail, retryable } = problem;
  const details = fieldsOf(problem["details"]);
  const retryAfterMs = askedMs(details["retryAfterMs"], retryAfter);
  if (typeof code === "string" && isCode(code)) {
    return new ClientError(code, typeof detail === "string" ? detail : code, {
      status,
      retryable: retryable === true,
      notAccepted: status < 500 || NOT_ACCEPTED.has(code),
      retryAfterMs,
      details,
    });
  }
  return new ClientError(
    "ERR_ANSWER_INVALID",
    `${url} answered ${status} without a problem document`,
    {
      status,
      retryable: status >= 500,
      retryAfterMs,
    },
  );
}

/** The document is exact, the header says whole seconds. */
function askedMs(exact: unknown, header: string | null): number | undefined {
  if (typeof exact === "number" && exact >= 0) return exact;
  const seconds = Number(header ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function isCode(text: string): text is `ERR_${string}` {
  return text.startsWith("ERR_");
}

/** Faults of a connection that was never made: nothing was sent. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** Translates a rejection of `fetch`. */
export function errorOfFault(fault: unknown, url: string): ClientError {
  if (fault instanceof ClientError) return fault;
  const cause: unknown = fault instanceof Error ? (fault.cause ?? fault) : fault;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const text = cause instanceof Error ? cause.message : String(cause);
  const reason = text === "" ? code : text;
  // Fetch refuses some port numbers by itself, and gives that no code.
  return NEVER_SENT.has(code) || text === "bad port"
    ? new ClientError("ERR_CONNECT_FAILED", `cannot connect to ${url}: ${reason}`, {
        retryable: true,
        notAccepted: true,
        cause: fault,
      })
    : new ClientError(
        "ERR_OUTCOME_UNKNOWN",
        `${url} took the request and gave no answer: ${reason}`,
        {
          retryable: true,
          cause: fault,
        },
      );
}
