import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnnalsError } from "@annals/record";
import {
  diskRefusal,
  errnoOf,
  isDiskRefusal,
  makeDirectory,
  PathLock,
  probeDisk,
} from "@annals/storage";
import type { StorageError } from "@annals/storage";
import type { Logger } from "pino";
import { patiently } from "./patience.ts";

/** In the data directory of a node and of an embedded log alike, so that each keeps the other out, too. */
export const DATA_LOCK = "lock";

/** Between two tries to lock a directory on a disk that refuses. */
const RETRY_MS = 500;

/**
 * Makes this process the owner of a data directory until it releases the lock or ends. Two owners would each write their own history
 * into the same files. Where nothing can be written nobody can do that, so there the lock is taken as soon as the disk allows it. Where
 * only the lock is refused, such as for a file of another user, it is waited for.
 */
export class DataLock {
  readonly #data: string;
  readonly #released = new AbortController();
  #lock: PathLock | undefined;
  #lose: (error: AnnalsError) => void = () => {};
  /** Resolves when the lock came late and could not be had: the process must not go on. */
  readonly lost: Promise<AnnalsError> = new Promise((resolve) => {
    this.#lose = resolve;
  });

  private constructor(data: string) {
    this.#data = data;
  }

  /** Rejects with ERR_DATA_IN_USE, and with ERR_NODE_STOPPING when `signal` ends a wait. */
  static async take(
    data: string,
    logger: Logger,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<DataLock> {
    const lock = new DataLock(data);
    const take = async (): Promise<StorageError | undefined> => {
      await makeDirectory(data);
      return lock.#try();
    };
    const refusal = await patiently(take, { path: data, logger, signal });
    if (refusal !== undefined) {
      logger.warn({ reason: refusal.message }, "the data is locked when the disk allows it");
      void lock.#later(logger);
    }
    return lock;
  }

  /**
   * Resolves with the reason when nothing can be written here, and so the lock not be had. Rejects with ERR_DATA_IN_USE; and with a refusal
   * when only the lock is refused: others may write there.
   */
  async #try(): Promise<StorageError | undefined> {
    const path = join(this.#data, DATA_LOCK);
    if (this.#lockNow() === undefined) return undefined;
    // SQLite does not say what the system has said.
    const refusal = await probeDisk(this.#data);
    if (refusal !== undefined) return refusal;
    await assertWritable(path);
    const failure = this.#lockNow();
    if (failure !== undefined) throw lockFailed(path, failure);
    return undefined;
  }

  /** What SQLite says when it fails; undefined when the lock is had. Throws ERR_DATA_IN_USE. */
  #lockNow(): unknown {
    try {
      this.#lock = lockData(this.#data);
      return undefined;
    } catch (cause) {
      if (cause instanceof AnnalsError) throw cause;
      return cause;
    }
  }

  async #later(logger: Logger): Promise<void> {
    const { signal } = this.#released;
    while (this.#lock === undefined) {
      await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if ((await this.#try()) !== undefined) continue;
        logger.info("the data is locked");
      } catch (error) {
        if (isDiskRefusal(error)) continue;
        this.#lose(error instanceof AnnalsError ? error : lockFailed(this.#data, error));
        return;
      }
    }
    if (signal.aborted) this.#lock.release();
  }

  /** False while the disk does not let it be taken. */
  get held(): boolean {
    return this.#lock !== undefined;
  }

  /** Idempotent. */
  release(): void {
    this.#released.abort();
    this.#lock?.release();
  }
}

/** Locks the data directory of a node that is stopped. Throws ERR_DATA_IN_USE. */
export function lockData(data: string): PathLock {
  const path = join(data, DATA_LOCK);
  try {
    return new PathLock(path);
  } catch (cause) {
    if (!(cause instanceof AnnalsError)) throw cause;
    throw new AnnalsError(
      "ERR_DATA_IN_USE",
      `another process runs on ${data}: stop it first (fuser ${path} shows which), ` +
        "or give this node another data directory",
      { retryable: true, cause },
    );
  }
}

/** Throws the refusal of the system to let the lock's file be written. The file is not opened: to close it would end a lock on it. */
async function assertWritable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw diskRefusal(error, path) ?? error;
  }
}

function lockFailed(path: string, cause: unknown): AnnalsError {
  const why = cause instanceof Error ? cause.message : "for no known reason";
  const text = `${path} could not be locked: ${why}; look at the disk and at the log of the kernel`;
  return new AnnalsError("ERR_STORAGE_FAILED", text, { cause });
}
