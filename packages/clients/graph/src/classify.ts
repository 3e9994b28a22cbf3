import type { FailureClass } from "@annals/sinks";
import { GraphError } from "./graphError.ts";

/** The first pattern that matches decides. */
type Table = readonly (readonly [RegExp, FailureClass])[];

const GRAFEO_STATUS: Table = [
  [/^40/, "conflict"],
  [/^22/, "data"],
  [/^42/, "settings"],
];

const GRAFEO_TEXT: Table = [
  [/GRAFEO-T\d+|Write conflict|deadlock/i, "conflict"],
  [/out of memory|memory limit|memory budget/i, "tooLarge"],
  [/constraint violation|Invalid value|type mismatch/i, "data"],
  [/\block(?:ed)?\b|in use by another|permission denied|No space left|read-only/i, "settings"],
];

/** Failures of the embedded engine: by GQLSTATUS where it is telling, else by text. */
export function classifyGrafeo(error: unknown): FailureClass {
  const own = ownClass(error);
  if (own !== undefined) return own;
  const { status, message } = fieldsOf(error);
  return lookUp(GRAFEO_STATUS, status) ?? lookUp(GRAFEO_TEXT, message) ?? "unknown";
}

/**
 * Codes of Neo4j, of the driver, of Memgraph and of sockets. `Transaction.Terminated` and `LockClientStopped` are transient at the server;
 * the driver renames them to client errors.
 */
const BOLT_CODE: Table = [
  [/MemoryPoolOutOfMemory|OutOfMemoryError|TransactionOutOfMemory|StackOverFlow/, "tooLarge"],
  [/\.Transaction\.(?:DeadlockDetected|LockClientStopped|LockAcquisition)/, "conflict"],
  [/\.TransientError\./, "transient"],
  [/\.Transaction\.(?:Terminated|TransactionTimedOut|Transaction(?:Not)?Found)/, "transient"],
  [/\.Transaction\.(?:TransactionStartFailed|TransactionCommitFailed)/, "transient"],
  [/\.Cluster\.(?:NotALeader|Routing)|ForbiddenOnReadOnlyDatabase|LeaderSwitch/, "transient"],
  [/\.Security\.AuthorizationExpired/, "transient"],
  [/\.DatabaseError\.General\.IndexCorruption|\.Database\.Unable/, "settings"],
  [/\.Schema\.Constraint(?:Validation|Verification)Failed|\.Schema\.ConstraintViolation/, "data"],
  [/\.Statement\.(?:Type|Argument|Arithmetic|EntityNotFound|NumberOutOfRange|Runtime)/, "data"],
  [
    /\.Statement\.(?:Syntax|Semantic|Parameter|NotSystemDatabase|Unsupported|AccessMode)/,
    "settings",
  ],
  [/\.ClientError\.(?:Security|Database|Schema)\./, "settings"],
  [/^(?:ServiceUnavailable|SessionExpired)$/, "transient"],
  [/^(?:ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND)/, "transient"],
];

/** What Memgraph says under one code for everything. */
const BOLT_TEXT: Table = [
  [/Cannot resolve conflicting transactions|due to serialization error/, "conflict"],
  [/Memory limit exceeded/, "tooLarge"],
  [/due to (?:unique|existence|type) constraint violation/, "data"],
  [/authentication failure/i, "settings"],
  [/acquisition timed out|Connection (?:was closed|is closed|lost)|closed by server/i, "transient"],
];

/** Failures over Bolt. Text decides before the code for Memgraph, whose codes say too little. */
export function classifyBolt(error: unknown): FailureClass {
  const own = ownClass(error);
  if (own !== undefined) return own;
  const { code, message } = fieldsOf(error);
  return lookUp(BOLT_TEXT, message) ?? lookUp(BOLT_CODE, code) ?? "unknown";
}

function ownClass(error: unknown): FailureClass | undefined {
  if (error instanceof GraphError) return error.failure;
  // Whoever aborted knows why; what was under way is rolled back.
  if (error instanceof DOMException && error.name === "AbortError") return "transient";
  return undefined;
}

function lookUp(table: Table, text: string): FailureClass | undefined {
  return table.find(([pattern]) => pattern.test(text))?.[1];
}

function fieldsOf(error: unknown): { code: string; status: string; message: string } {
  if (!(error instanceof Error)) return { code: "", status: "", message: String(error) };
  const code = "code" in error ? String(error.code) : "";
  const status = "gqlStatus" in error ? String(error.gqlStatus) : "";
  return { code, status, message: error.message };
}
