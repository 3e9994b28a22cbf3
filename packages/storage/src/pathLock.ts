import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AnnalsError } from "@annals/record";

const FILE = "lock";
/** SQLITE_BUSY. */
const BUSY = 5;

/**
 * Keeps a directory to one log of one process. The lock is SQLite's on an empty database: the operating system lets go of it when the
 * process ends, however it ends, so that no stale lock is ever left; and it holds between threads and within one as well.
 */
export class PathLock {
  readonly #database: DatabaseSync;

  /** Throws ERR_DATA_IN_USE. */
  constructor(directory: string) {
    const database = new DatabaseSync(join(directory, FILE));
    try {
      database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    } catch (cause) {
      database.close();
      if (!(cause instanceof Error && "errcode" in cause && cause.errcode === BUSY)) throw cause;
      throw new AnnalsError(
        "ERR_DATA_IN_USE",
        `${directory} is open already, in this process or another one: a log has one owner at a time`,
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
