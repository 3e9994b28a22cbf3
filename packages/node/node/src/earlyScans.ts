import { join } from "node:path";
import { isThere, TailScanner } from "@annals/storage";

/** `unknown`: whoever opens the log has to read it first. */
export type EarlyScan = "running" | "clean" | "unknown";

/**
 * Reads the logs of a node while its workers come up: both take about as long. What it finds counts once, for the first opening. A log
 * that is not clean is read again, and judged, by the worker that opens it.
 */
export class EarlyScans {
  /** Called when a log has been read. */
  onScanned: () => void = () => {};
  readonly #scanner = new TailScanner();
  readonly #waiting: Set<number>;
  readonly #clean = new Set<number>();
  #reading: number | undefined;

  constructor(data: string, logIds: readonly number[]) {
    this.#waiting = new Set(logIds);
    void this.#run(data);
  }

  /** What is known of a log that is about to be opened. Unless it is being read just now, it is not read later. */
  take(logId: number): EarlyScan {
    if (this.#reading === logId) return "running";
    this.#waiting.delete(logId);
    return this.#clean.delete(logId) ? "clean" : "unknown";
  }

  /** No other log is read. */
  close(): void {
    this.#waiting.clear();
  }

  async #run(data: string): Promise<void> {
    for (const logId of this.#waiting) {
      this.#waiting.delete(logId);
      this.#reading = logId;
      if (await this.#isClean(join(data, "logs", String(logId)))) this.#clean.add(logId);
      this.#reading = undefined;
      this.onScanned();
    }
    this.#scanner.close();
  }

  async #isClean(directory: string): Promise<boolean> {
    try {
      if (!(await isThere(directory))) return false;
      await this.#scanner.scan(directory);
      return true;
    } catch {
      return false;
    }
  }
}
