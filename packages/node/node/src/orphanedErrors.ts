import type { Logger } from "pino";

/** What is needed of `process`. */
export interface UncaughtSource {
  on(event: "uncaughtException", told: (error: Error, origin: string) => void): unknown;
  exit(code: number): unknown;
}

const CODES: ReadonlySet<string> = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT"]);
const CALLS: ReadonlySet<string> = new Set(["read", "write", "writev", "shutdown"]);
/** What Node itself ends with after an uncaught exception. */
const EXIT_UNCAUGHT = 1;

/**
 * Whether the operating system reported it for a connection whose peer is gone, as an event that nobody listened to. Such a throw unwinds
 * nothing but the socket's own report: it is closed by then, and no step of ours was cut in the middle. A rejection nobody handled is
 * another matter, as are errors of streams without a system call: those may be of files.
 */
export function isOrphaned(error: unknown, origin: string): boolean {
  if (origin !== "uncaughtException" || !(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code !== undefined && syscall !== undefined && CODES.has(code) && CALLS.has(syscall);
}

let seen = 0;

/** Errors of connections that had no owner, since the process began; more than 0 is a bug. */
export function orphanedErrors(): number {
  return seen;
}

/**
 * The last resort: a connection whose error has no owner is a bug, which is logged and counted, and not a reason to take a node from its
 * cluster. Whatever else is uncaught ends the process, as it always did: a broken invariant must not go on.
 */
export function outliveOrphanedErrors(source: UncaughtSource, logger: Logger): void {
  source.on("uncaughtException", (error, origin) => {
    if (isOrphaned(error, origin)) {
      seen++;
      const what = "an error of a connection had no owner: please report this, with the stack";
      logger.error({ err: error, count: seen }, what);
      return;
    }
    logger.fatal({ err: error, origin }, "uncaught: this node cannot go on");
    source.exit(EXIT_UNCAUGHT);
  });
}
