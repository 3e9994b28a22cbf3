import { ClientError } from "@annals/client";
import { AnnalsError } from "@annals/record";
import { EXIT } from "./exitCodes.ts";
import type { ExitCode } from "./exitCodes.ts";

/** An error of the command itself: what, how to mend it, and the exit code. */
export class CliError extends AnnalsError {
  override readonly name = "CliError";
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(
    code: `ERR_${string}`,
    message: string,
    options: { exitCode?: ExitCode; hint?: string | undefined; cause?: unknown } = {},
  ) {
    super(code, message, options);
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.hint = options.hint;
  }
}

export function usageError(message: string, hint?: string): CliError {
  return new CliError("ERR_USAGE", message, { exitCode: EXIT.usage, hint });
}

/** Errors after which the very same command may succeed. */
const UNAVAILABLE = new Set([
  "ERR_NO_LEADER",
  "ERR_NOT_LEADER",
  "ERR_NO_QUORUM",
  "ERR_OUTCOME_UNKNOWN",
  "ERR_TIMEOUT",
  "ERR_OVERLOADED",
  "ERR_NODE_OVERLOADED",
  "ERR_UNCOMMITTED_FULL",
]);

/** What the server said of a value that was given to an option. */
const WRONG_PARAMETERS = new Set([
  "ERR_PARAMETER_INVALID",
  "ERR_PARAMETER_UNKNOWN",
  "ERR_CURSOR_INVALID",
  "ERR_LOG_NAME_INVALID",
]);

/** The file that was given has to be changed. */
const WRONG_FILES = new Set(["ERR_MEMORY_LIMIT", "ERR_OPEN_FILES_LIMIT", "ERR_SCENARIO"]);

const BENCH_EXITS: Readonly<Record<string, ExitCode>> = {
  ERR_BENCH_CONNECT: EXIT.cannotConnect,
  ERR_BENCH_CLUSTER: EXIT.unavailable,
  ERR_BENCH_OPTIONS: EXIT.usage,
};

/** What a source, or a broker, says. */
const SOURCE_EXITS: Readonly<Record<string, ExitCode>> = {
  ERR_SOURCE_UNREACHABLE: EXIT.cannotConnect,
  ERR_SOURCE_REFUSED: EXIT.denied,
  ERR_SOURCE_TOPIC: EXIT.notFound,
  ERR_SOURCE_SESSION: EXIT.badConfig,
  ERR_SOURCE_TABLE: EXIT.badConfig,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (!(error instanceof ClientError)) {
    const code = error instanceof AnnalsError ? error.code : "";
    return BENCH_EXITS[code] ?? (WRONG_FILES.has(code) ? EXIT.badConfig : EXIT.failed);
  }
  const ofSource = SOURCE_EXITS[error.code];
  if (ofSource !== undefined) return ofSource;
  if (error.code === "ERR_CONNECT_FAILED") return EXIT.cannotConnect;
  if (error.code === "ERR_ABORTED") return EXIT.interrupted;
  if (error.status === 401 || error.status === 403) return EXIT.denied;
  if (error.status === 404) return EXIT.notFound;
  if (WRONG_PARAMETERS.has(error.code)) return EXIT.usage;
  return UNAVAILABLE.has(error.code) || error.retryable ? EXIT.unavailable : EXIT.failed;
}

/** How to mend what a server said, where there is something to say. */
const HINTS: Readonly<Record<string, string>> = {
  ERR_BLOB_DIGEST: "try again, or another node with --url",
  ERR_CONNECT_FAILED:
    "is a node running there? `annals dev` starts a cluster; --url or ANNALS_URL says where one is",
  ERR_LOG_NOT_FOUND: "`annals log list` prints the logs; `annals log create NAME` makes one",
  ERR_MEMORY_LIMIT: "`annals config check` prints what each queue may need",
  ERR_NO_LEADER: "`annals cluster health` says what is missing",
  ERR_NO_QUORUM:
    "`annals cluster health` says what is missing; --consistency local reads what one node has",
  ERR_OUTCOME_UNKNOWN:
    "the records may be in the log or not: look (`annals query`) before you repeat",
  ERR_SCENARIO: "docs/drill.md explains the language; `annals drill --schema` is for editors",
  ERR_RECORD_FIELD_MISSING: "a record needs actor.id and action",
  ERR_RECORD_FIELD_UNKNOWN: "free data goes under data",
};

/** How to mend what the operating system said. */
const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program, or another node, has this port",
  EADDRNOTAVAIL:
    "the address of this node (key nodes) is none of this machine's: the key listen says where it listens instead",
  EACCES: "this user may not do that: look at owner and permissions",
  ENOSPC: "the disk is full",
};

/** An error of a call to the operating system, which needs no stack to be understood. */
function isSystemError(error: unknown): error is Error & { readonly code: string } {
  return (
    error instanceof Error &&
    "syscall" in error &&
    "code" in error &&
    typeof error.code === "string"
  );
}

/** What went wrong, for programs: one line of JSON. */
export function errorJson(error: unknown): string {
  const [first = "", ...rest] = describeError(error).split("\n");
  const code = error instanceof Error && "code" in error ? String(error.code) : "ERR_INTERNAL";
  const details = error instanceof AnnalsError ? error.details : {};
  const hint = rest.at(-1)?.startsWith("  = ") === true ? rest.at(-1)?.slice(4) : undefined;
  const message = error instanceof AnnalsError ? error.message : first.replace(/^annals: /, "");
  return JSON.stringify({
    error: { code, message, details, ...(hint === undefined ? {} : { hint }) },
    exitCode: exitCodeOf(error),
  });
}

/** What went wrong, for people: one line, then how to mend it. */
export function describeError(error: unknown): string {
  if (isSystemError(error)) {
    const hint = SYSTEM_HINTS[error.code];
    return `annals: ${error.message} (${error.code})${hint === undefined ? "" : `\n  = ${hint}`}`;
  }
  if (!(error instanceof AnnalsError)) {
    return `annals: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
  const hint = error instanceof CliError ? error.hint : HINTS[error.code];
  const [first = "", ...rest] = error.message.split("\n");
  const lines = [`annals: ${first} (${error.code})`, ...rest];
  return (hint === undefined ? lines : [...lines, `  = ${hint}`]).join("\n");
}
