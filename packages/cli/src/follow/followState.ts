import { readFile } from "node:fs/promises";
import { replaceFile } from "@annals/storage";
import { CliError } from "../cliError.ts";

/** The request that was sent last, or is about to be. Written before it is sent, so that after a crash the very same one is sent again. */
export interface SentRequest {
  /** Bytes of the file, from included, to excluded. */
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** SHA-256 of its body, in hexadecimal: what is sent again must be what was sent. */
  readonly sha256: string;
}

/** How far a file has been appended. */
export interface FollowState {
  readonly log: string;
  readonly producer: string;
  readonly epoch: number;
  /** Of the last request; 0 for none in this epoch. */
  readonly sequence: number;
  /** The inode of the file, and the SHA-256 of its first bytes, which tell it from a later one under the same name. */
  readonly inode: string;
  readonly head: { readonly bytes: number; readonly sha256: string };
  /** Everything before is appended, or is a dead letter. */
  readonly offset: number;
  /** Lines before `offset`. */
  readonly lines: number;
  /** Undefined when its answer is known. */
  readonly sent: SentRequest | undefined;
}

const FORMAT = 1;

/** Undefined when there is none. Throws ERR_FOLLOW_STATE for a file that is no state, or that of another log. */
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
    throw new CliError("ERR_FOLLOW_STATE", `${path} is no state of a followed file`, {
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
    [state.log, state.producer, state.inode].every((one) => typeof one === "string") &&
    [state.epoch, state.sequence, state.offset, state.lines].every(Number.isSafeInteger);
  return isState ? { ...state, sent: state.sent } : undefined;
}
