import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnnalsError } from "@annals/record";
import { isDiskRefusal, PathLock, probeDisk } from "@annals/storage";
import type { Logger } from "pino";

/** In the data directory of a node and of an embedded log alike, so that each keeps the other out, too. */
export const DATA_LOCK = "lock";

/** Between two tries to lock a directory on a disk that refuses. */
const RETRY_MS = 500;

/**
 * Makes this process the owner of a data directory until it releases the lock or ends. Two owners would each write their own history
 * into the same files. Where nothing can be written nobody can do that, so there the lock is taken as soon as the disk allows it.
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

  /** Rejects with ERR_DATA_IN_USE. */
  static async take(data: string, logger: Logger): Promise<DataLock> {
    await mkdir(data, { recursive: true });
    const lock = new DataLock(data);
    try {
      await lock.#try();
    } catch (error) {
      if (!isDiskRefusal(error)) throw error;
      logger.warn({ reason: error.message }, "the data is locked when the disk allows it");
      void lock.#later(logger);
    }
    return lock;
  }

  /** Rejects with ERR_DATA_IN_USE, and with a refusal of the disk. */
  async #try(): Promise<void> {
    try {
      this.#lock = lockData(this.#data);
    } catch (cause) {
      // SQLite does not say what the system has said.
      if (!(cause instanceof AnnalsError)) throw (await probeDisk(this.#data)) ?? cause;
      throw cause;
    }
  }

  async #later(logger: Logger): Promise<void> {
    const { signal } = this.#released;
    while (this.#lock === undefined) {
      await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await this.#try();
        logger.info("the data is locked");
      } catch (error) {
        if (isDiskRefusal(error)) continue;
        this.#lose(error instanceof AnnalsError ? error : lockFailed(error));
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

function lockFailed(cause: unknown): AnnalsError {
  return new AnnalsError("ERR_STORAGE_FAILED", "the data directory could not be locked", { cause });
}
