import { PathLock } from "@annals/storage";
import { AnnalsError } from "@annals/record";
import { CliError } from "../program/cliError.ts";
import { readState, writeState } from "./followState.ts";
import type { FollowState } from "./followState.ts";

/** The file in which a command remembers how far it is. One command at a time has it. */
export class StateFile {
  readonly path: string;
  /** As it was found; undefined at the very first start. */
  readonly found: FollowState | undefined;
  readonly #lock: PathLock;
  /** Of the write that is under way: what is written last must be what was last. */
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, found: FollowState | undefined, lock: PathLock) {
    this.path = path;
    this.found = found;
    this.#lock = lock;
  }

  /** Throws ERR_FOLLOW_CONCURRENT, ERR_FOLLOW_STATE. */
  static async open(path: string, log: string): Promise<StateFile> {
    const lock = lockOf(path);
    try {
      return new StateFile(path, await readState(path, log), lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Durable when it resolves. */
  write(state: FollowState): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => writeState(this.path, state));
    return this.#writing;
  }

  release(): void {
    this.#lock.release();
  }
}

function lockOf(path: string): PathLock {
  try {
    return new PathLock(`${path}.lock`);
  } catch (error) {
    const isTaken = error instanceof AnnalsError && error.code === "ERR_DATA_IN_USE";
    throw isTaken ? concurrent(path, error) : error;
  }
}

export function concurrent(path: string, cause: unknown): CliError {
  return new CliError("ERR_FOLLOW_CONCURRENT", `another command appends with ${path}`, {
    hint: "stop one of the two",
    cause,
  });
}
