import type { StorageError } from "../storageError.ts";

const WAIT_INITIAL_MS = 100;
const WAIT_MAX_MS = 5000;

/**
 * Stands before the writes of one log while its disk refuses: each is refused with the same reason, and from time to time a probe asks
 * whether the disk takes writes again. Costs nothing while the disk is well.
 */
export class DiskGate {
  readonly #probe: () => Promise<StorageError | undefined>;
  #refusal: StorageError | undefined;
  #waitMs = WAIT_INITIAL_MS;
  #askAtMs = 0;

  /** `probe` resolves with the reason why nothing may be written, as far as it can be asked. */
  constructor(probe: () => Promise<StorageError | undefined>, refusal: StorageError | undefined) {
    this.#probe = probe;
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
    const refusal = await this.#probe();
    if (refusal !== undefined) throw this.refuse(refusal);
    this.#refusal = undefined;
  }
}
