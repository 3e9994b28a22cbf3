import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { logDamaged, REPLACE_ADVICE, StorageError } from "./storageError.ts";

const TIMEOUT_MS: Readonly<Record<ScanMode, number>> = { tail: 120_000, fsck: 24 * 60 * 60_000 };

export type ScanMode = "tail" | "fsck";

interface ScanLine {
  readonly segment?: string;
  readonly problem?: unknown;
  readonly done?: unknown;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details: Record<string, unknown>;
  };
}

/** The sources run as they are (tests, development) or compiled; the child must be of the same kind. */
function childArguments(mode: ScanMode, directory: string): string[] {
  const compiled = import.meta.filename.endsWith(".js");
  const script = fileURLToPath(
    new URL(compiled ? "./scanMain.js" : "./scanMain.ts", import.meta.url),
  );
  return [...(compiled ? [] : ["--conditions=annals-source"]), script, mode, directory];
}

/**
 * Runs a scan of `directory` in a child process: a damaged LMDB file can end its reader by SIGBUS or SIGABRT, which nothing in this
 * process could catch. Resolves with the scan's result; rejects with a `StorageError` that names the segment.
 */
export function scanInChild(
  mode: ScanMode,
  directory: string,
  onProblem: (problem: unknown) => void = () => undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, childArguments(mode, directory), {
      stdio: ["ignore", "pipe", "ignore"],
      timeout: TIMEOUT_MS[mode],
      killSignal: "SIGKILL",
    });
    let segment = "";
    let outcome: (() => void) | undefined;
    createInterface({ input: child.stdout }).on("line", (text) => {
      const line: ScanLine = JSON.parse(text);
      if (line.segment !== undefined) segment = line.segment;
      if (line.problem !== undefined) onProblem(line.problem);
      if (line.done !== undefined) outcome = () => resolve(line.done);
      const { error } = line;
      if (error !== undefined) outcome = () => reject(scanError(directory, error));
    });
    child.on("error", (cause) => {
      outcome = () =>
        reject(new StorageError("ERR_STORAGE_FAILED", "the scan process did not start", { cause }));
    });
    child.on("close", (code, signal) => {
      const end = signal ?? `exit code ${code}`;
      const what = `reading ${segment === "" ? "the log" : segment} ended the scan process with ${end}`;
      (outcome ?? (() => reject(logDamaged(directory, what, REPLACE_ADVICE))))();
    });
  });
}

function scanError(directory: string, error: NonNullable<ScanLine["error"]>): StorageError {
  if (error.code === "ERR_ENTRY_DAMAGED" || error.code === "ERR_LOG_FORMAT")
    return new StorageError(error.code, `${error.message} (${directory}); ${REPLACE_ADVICE}`, {
      details: { ...error.details, directory, advice: REPLACE_ADVICE },
    });
  return logDamaged(directory, error.message, REPLACE_ADVICE);
}
