import { DatabaseSync } from "node:sqlite";
import { AnnalsError } from "@annals/record";

/** SQLITE_BUSY. */
const BUSY = 5;

/**
 * Keeps what a file stands for to one owner; the file is made when it is missing, and stays. The lock is SQLite's on an empty database: the
 * operating system lets go of it when the process ends, however it ends, so that no stale lock is ever left; and it holds between threads
 * and within one as well. It does not reach other machines.
 */
export class PathLock {
  readonly #database: DatabaseSync;

  /** Throws ERR_DATA_IN_USE. */
  constructor(path: string) {
    const database = new DatabaseSync(path);
    try {
      // The journal in memory: nothing is written, and so a file beside the lock would only be in the way.
      database.exec(
        "PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
      );
    } catch (cause) {
      database.close();
      if (!(cause instanceof Error && "errcode" in cause && cause.errcode === BUSY)) throw cause;
      throw new AnnalsError(
        "ERR_DATA_IN_USE",
        `${path} is locked, by this process or another one: there is one owner at a time`,
        { retryable: true, cause },
      );
    }
    this.#database = database;
  }

  /** Idempotent. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
