import { readFile } from "node:fs/promises";
import { replaceFile } from "@annals/storage";
import { CliError } from "../program/cliError.ts";
import { NO_MARK } from "./trail.ts";
import type { Mark } from "./trail.ts";

/** By what the file system tells files apart, in decimal. */
export interface Identity {
  readonly device: string;
  readonly inode: string;
  /**
   * When it was made, in nanoseconds; empty where the file system does not say. An inode is used
   * again for another file.
   */
  readonly birth: string;
}

/** A file that is read, or waits until those before it are. */
export interface FilePlace {
  /** Where it was seen last. */
  readonly path: string;
  readonly identity: Identity;
  /** Everything before is appended, or is a dead letter. */
  readonly mark: Mark;
  /** Lines before that. */
  readonly lines: number;
  /** How far it was seen to reach. */
  readonly seen: Mark;
}

/** A file that is not read, or not again. */
export interface PassedFile {
  readonly identity: Identity;
  /** All of it, as it was then. */
  readonly mark: Mark;
  readonly lines: number;
  /** When it was written last, in nanoseconds. */
  readonly modified: string;
  /**
   * `read`: to its end; what is added to it later is read, too. `copy`: of a file that is read
   * under its own name. `older`: there before the first start.
   */
  readonly why: "read" | "copy" | "older";
}

/**
 * A request that was sent, or is about to be, and whose answer is not known. It is of the first
 * file.
 */
export interface SentRequest {
  readonly sequence: number;
  /** Bytes of the file, from included, to excluded. */
  readonly from: number;
  readonly to: number;
  readonly records: number;
  readonly lineEnds: number;
  /** SHA-256 of its body, in hexadecimal: what is sent again must be what was sent. */
  readonly sha256: string;
  /** The file's once the request is in the log. */
  readonly mark: Mark;
}

/** How far files have been appended. */
export interface FollowState {
  readonly log: string;
  readonly producer: string;
  readonly epoch: number;
  /** Of the last request; 0 for none in this epoch. */
  readonly sequence: number;
  /** The file that is read, then those that wait, in their order. */
  readonly files: readonly FilePlace[];
  readonly passed: readonly PassedFile[];
  /**
   * Rotated files that were last written by then, in nanoseconds, are passed whether they are
   * listed or not.
   */
  readonly passedUntil: string;
  /** Written before they are sent, so that after a crash the very same ones are sent again. */
  readonly sent: readonly SentRequest[];
}

const FORMAT = 2;

export function blankState(log: string, producer: string): FollowState {
  return {
    log,
    producer,
    epoch: 0,
    sequence: 0,
    files: [],
    passed: [],
    passedUntil: "0",
    sent: [],
  };
}

export function blankPlace(path: string, identity: Identity): FilePlace {
  return { path, identity, mark: NO_MARK, lines: 0, seen: NO_MARK };
}

/**
 * Undefined when there is none. Throws ERR_FOLLOW_STATE for a file that is no state, or that of
 * another log.
 */
export async function readState(path: string, log: string): Promise<FollowState | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const state = parse(text);
  if (state === undefined)
    throw new CliError("ERR_FOLLOW_STATE", `${path} is no state of appended files`, {
      hint: "name another one with --state; without one the file is appended from its beginning",
    });
  if (state.log !== log)
    throw new CliError("ERR_FOLLOW_STATE", `${path} is about log ${state.log}, not ${log}`, {
      hint: "give each log a state of its own (--state)",
    });
  return state;
}

/** Durable when it resolves; a crash leaves the old state or the new one. */
export async function writeState(path: string, state: FollowState): Promise<void> {
  await replaceFile(path, `${JSON.stringify({ format: FORMAT, ...state })}\n`);
}

function parse(text: string): FollowState | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { format, ...state } = value as FollowState & { readonly format?: unknown };
  const isState =
    format === FORMAT &&
    [state.log, state.producer, state.passedUntil].every((one) => typeof one === "string") &&
    [state.epoch, state.sequence].every(Number.isSafeInteger) &&
    [state.files, state.passed, state.sent].every(Array.isArray);
  return isState ? state : undefined;
}
