import type { SourceStatus } from "./status.ts";

/** Reads elsewhere, and records each thing once. */
export interface Source {
  readonly name: string;
  readonly status: SourceStatus;
  /**
   * Runs until the signal aborts, and ends what is under way. Rejects with a coded error; one that is `retryable` may be over by itself.
   */
  run(signal: AbortSignal): Promise<void>;
  /** Looks whether it could run now, and changes nothing. Resolves with what it found, in words. */
  test(signal: AbortSignal): Promise<string>;
}
