import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { WorkerOptions } from "node:worker_threads";

/** Runs from the sources too, where Node strips the types itself. */
const FROM_SOURCES = extname(import.meta.url) === ".ts";

/**
 * Starts a thread of this process, with flags of its own if there are any. A thread inherits the process's flags, but not when some are
 * said explicitly: then those of the process are said as well, without the ones that belong to the whole process, such as
 * --max-old-space-size. Node refuses a thread that is given one of these by name, and only it knows all of them.
 */
export function startThread(script: URL, own: readonly string[], options: WorkerOptions): Worker {
  const source = FROM_SOURCES ? ["--conditions=annals-source"] : [];
  const added = [...source, ...own];
  if (added.length === 0) return new Worker(script, options);
  const start = (passed: readonly string[]): Worker =>
    new Worker(script, { ...options, execArgv: [...passed, ...added] });
  try {
    return start(process.execArgv);
  } catch (error) {
    const refused = refusedFlags(error);
    if (refused === undefined) throw error;
    return start(process.execArgv.filter((flag) => !refused.includes(flag)));
  }
}

/** The flags that a thread may not have, as the refusal names them; undefined when something else is wrong. */
function refusedFlags(error: unknown): readonly string[] | undefined {
  const isRefusal =
    error instanceof Error && "code" in error && error.code === "ERR_WORKER_INVALID_EXEC_ARGV";
  return isRefusal ? error.message.replace(/^[^:]*: /, "").split(", ") : undefined;
}
