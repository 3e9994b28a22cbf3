import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { diskRefusal, probeDisk, within } from "../disk/diskRefusal.ts";
import type { DiskFloor } from "../disk/diskFloor.ts";
import type { ExamEvent } from "./exam.ts";
import type { DerivedJson } from "../repair/salvage.ts";
import type { SegmentProblem } from "./segmentCheck.ts";
import { toJson } from "./segmentScan.ts";
import type { HeadJson, SegmentScan } from "./segmentScan.ts";
import { decodeSegmentState } from "../segments/segmentState.ts";
import { logDamaged, REPLACE_ADVICE, StorageError } from "../storageError.ts";

const SEGMENT_TIMEOUT_MS = 24 * 60 * 60_000;

interface ScanError {
  readonly code: string;
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** What a child prints. */
export interface ScanLine<Result> {
  readonly segment?: string;
  readonly exam?: ExamEvent;
  readonly problem?: SegmentProblem;
  readonly done?: Result;
  readonly error?: ScanError;
}

/** The sources run as they are (tests, development) or compiled; the child must be of the same kind. */
export function childArguments(): string[] {
  const compiled = import.meta.filename.endsWith(".js");
  const script = new URL(compiled ? "./scanMain.js" : "./scanMain.ts", import.meta.url);
  return [...(compiled ? [] : ["--conditions=annals-source"]), fileURLToPath(script)];
}

/** `scanSegment` in a child process. */
export function scanSegmentInChild(
  directory: string,
  first: number,
  seal: HeadJson | undefined,
  wanted: number,
  onProblem: (problem: SegmentProblem) => void,
): Promise<SegmentScan> {
  const sealText = seal === undefined ? "" : JSON.stringify(seal);
  const args = ["segment", directory, String(first), sealText, String(wanted)];
  return scanInChild<SegmentScan>(args, directory, SEGMENT_TIMEOUT_MS, (line) => {
    if (line.problem !== undefined) onProblem(line.problem);
  });
}

/** How a child reads: `scrub` gives way to everybody else. */
export type ExamPace = "exam" | "scrub";

/** `examine` in a child process. A segment that ends it has that as its problem, and another child goes on behind it. */
export async function examineInChildren(
  directory: string,
  firsts: readonly number[],
  wanted: number,
  emit: (event: ExamEvent) => void,
  end?: HeadJson,
  pace: ExamPace = "exam",
): Promise<void> {
  let rest = firsts;
  let seal = end;
  while (rest.length > 0) {
    let current = rest[0] ?? 0;
    let state: string | undefined;
    const sealText = seal === undefined ? "" : JSON.stringify(seal);
    const args = [pace, directory, String(wanted), sealText, ...rest.map(String)];
    try {
      await scanInChild(args, directory, SEGMENT_TIMEOUT_MS, ({ exam }) => {
        if (exam === undefined) return;
        state = exam.first === current ? (exam.state ?? state) : exam.state;
        current = exam.first;
        emit(exam);
      });
      return;
    } catch (error) {
      unlessDamage(error);
      emit({ first: current, problem: error instanceof Error ? error.message : String(error) });
      const base = state === undefined ? undefined : decodeSegmentState(Buffer.from(state, "hex"));
      seal = base === undefined ? undefined : toJson(base.base);
      rest = rest.slice(rest.indexOf(current) + 1);
    }
  }
}

/** `salvageEntries` in a child process: what it had written when damage ended it is kept. */
export async function salvageEntriesInChild(
  directory: string,
  first: number,
  last: number,
  target: string,
  { minFreeBytes }: DiskFloor,
): Promise<void> {
  const range = [String(first), String(last)];
  const args = ["salvage", directory, ...range, "entries", target, String(minFreeBytes)];
  await scanInChild(args, directory, SEGMENT_TIMEOUT_MS).catch(unlessDamage);
}

/** `salvageDerived` in a child process; undefined when it cannot be read. */
export async function salvageDerivedInChild(
  directory: string,
  first: number,
): Promise<DerivedJson | undefined> {
  const args = ["salvage", directory, String(first), "0", "derived", ""];
  return scanInChild<DerivedJson>(args, directory, SEGMENT_TIMEOUT_MS).catch(unlessDamage);
}

/** That a process could not be started, or that a newer build has written the files, says nothing of their health. */
export function unlessDamage(error: unknown): undefined {
  if (!(error instanceof StorageError)) throw error;
  if (error.code !== "ERR_LOG_DAMAGED" && error.code !== "ERR_ENTRY_DAMAGED") throw error;
  return undefined;
}

/**
 * A damaged LMDB file can end its reader by SIGBUS or SIGABRT, which nothing in this process could catch: so the first reader is a
 * child.
 */
function scanInChild<Result>(
  args: readonly string[],
  directory: string,
  timeout: number,
  onLine?: (line: ScanLine<Result>) => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [...childArguments(), ...args], {
      stdio: ["ignore", "pipe", "ignore"],
      timeout,
      killSignal: "SIGKILL",
    });
    let segment: string | undefined;
    let outcome: (() => void) | undefined;
    const take = (line: ScanLine<Result>): void => {
      const { done, error } = line;
      if (line.segment !== undefined) segment = line.segment;
      onLine?.(line);
      if (done !== undefined) outcome = () => resolve(done);
      if (error !== undefined) outcome = () => reject(scanError(directory, error));
    };
    if (child.stdout) onLines(child.stdout, take);
    // Nothing else may follow.
    child.on("error", (cause) => reject(notStarted(cause)));
    child.on("close", (code, signal) => {
      const died = (): void => void deathOf(directory, segment, code, signal).then(reject);
      (outcome ?? died)();
    });
  });
}

/** Signals that somebody sent: a timeout, a supervisor, a kernel without memory. LMDB raises none of them. */
const SENT_SIGNALS: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"];

/** Calls `take` for each line that a child prints. A child that could not be started for want of file descriptors has no output. */
export function onLines<Result>(output: Readable, take: (line: ScanLine<Result>) => void): void {
  createInterface({ input: output }).on("line", (text) => take(JSON.parse(text)));
}

/** Why there is no child. */
export function notStarted(cause: Error): StorageError {
  const what = "the process that scans a log before it is opened did not start";
  const failed = new StorageError("ERR_STORAGE_FAILED", what, { cause });
  return diskRefusal(cause, process.execPath) ?? failed;
}

/**
 * Why a scan ended without a word while it read a segment, if it had begun one. It is damage only where nothing else explains it: a full
 * disk ends a reader by SIGBUS, too.
 */
export async function deathOf(
  directory: string,
  segment: string | undefined,
  code: number | null,
  signal: NodeJS.Signals | null,
): Promise<StorageError> {
  const what = `reading ${segment ?? "the log"} ended the scan process`;
  const end = `${what} with ${signal ?? `exit code ${code}`}`;
  if (signal !== null && SENT_SIGNALS.includes(signal)) {
    const text = `${end}, which says nothing of the log: it took too long, or somebody ended it`;
    return new StorageError("ERR_DISK_UNAVAILABLE", text, {
      retryable: true,
      details: { signal, path: directory },
    });
  }
  const refusal = await probeDisk(directory);
  if (refusal === undefined) return logDamaged(directory, end, REPLACE_ADVICE);
  return within(`${end} while the disk refuses`, refusal);
}

/** What a child says is wrong, with what to do. */
export function scanError(directory: string, error: ScanError): StorageError {
  if (error.code === "ERR_ENTRY_DAMAGED" || error.code === "ERR_LOG_FORMAT") {
    return new StorageError(error.code, `${error.message} (${directory}); ${REPLACE_ADVICE}`, {
      details: { ...error.details, directory, advice: REPLACE_ADVICE },
    });
  }
  if (error.code === "ERR_DISK_FULL" || error.code === "ERR_DISK_UNAVAILABLE")
    return new StorageError(error.code, error.message, { retryable: true, details: error.details });
  if (error.code === "ERR_LOG_DAMAGED" && error.message.includes(REPLACE_ADVICE))
    return new StorageError("ERR_LOG_DAMAGED", error.message, { details: error.details });
  return logDamaged(directory, error.message, REPLACE_ADVICE);
}
