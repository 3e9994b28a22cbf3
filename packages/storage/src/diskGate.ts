import { probeDisk } from "./diskRefusal.ts";
import type { StorageError } from "./storageError.ts";

const WAIT_INITIAL_MS = 100;
const WAIT_MAX_MS = 5000;

/**
 * Stands before the writes of one log while its disk refuses: each is refused with the same reason, and from time to time a probe asks
 * whether the disk takes writes again. Costs nothing while the disk is well.
 */
export class DiskGate {
  readonly #directory: string;
  #refusal: StorageError | undefined;
  #waitMs = WAIT_INITIAL_MS;
  #askAtMs = 0;

  constructor(directory: string, refusal: StorageError | undefined) {
    this.#directory = directory;
    if (refusal !== undefined) this.refuse(refusal);
  }

  /** Why the disk took nothing when it was asked last; undefined while it is well. */
  get refusal(): StorageError | undefined {
    return this.#refusal;
  }

  /** The disk has refused: nothing is written until a probe went well. */
  refuse(refusal: StorageError): StorageError {
    this.#refusal = refusal;
    this.#askAtMs = performance.now() + this.#waitMs;
    this.#waitMs = Math.min(2 * this.#waitMs, WAIT_MAX_MS);
    return refusal;
  }

  /** A write went well: should the disk refuse again, it is asked again soon. */
  passed(): void {
    this.#waitMs = WAIT_INITIAL_MS;
  }

  /** Rejects with the reason while the disk refuses. */
  async pass(): Promise<void> {
    if (this.#refusal === undefined) return;
    if (performance.now() < this.#askAtMs) throw this.#refusal;
    const refusal = await probeDisk(this.#directory);
    if (refusal !== undefined) throw this.refuse(refusal);
    this.#refusal = undefined;
  }
}
