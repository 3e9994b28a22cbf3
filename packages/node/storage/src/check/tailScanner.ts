import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import {
  childArguments,
  deathOf,
  notStarted,
  onLines,
  scanError,
  unlessDamage,
} from "./scanProcess.ts";
import type { ScanLine } from "./scanProcess.ts";

/** For one log; a reader that takes longer is ended. */
const LOG_TIMEOUT_MS = 120_000;
/** A reader without a log ends after so long. */
const IDLE_MS = 1000;

interface Waiting {
  readonly directory: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Checks logs before they are served, one after the other in one child process: a damaged file can end its reader, and to start a process
 * takes longer than to read the end of a log. A child that has met an error reads no other log. As many logs wait as are opened at a time.
 */
export class TailScanner {
  readonly #waiting: Waiting[] = [];
  #reader: TailReader | undefined;
  #running = false;
  #closed = false;

  /**
   * Checks the ends of all segments. Rejects with a `StorageError` that names the segment. A reader that the system has refused something
   * ends like one that has met damage, so only what a second one, which has read nothing else, says too is damage.
   */
  async scan(directory: string): Promise<void> {
    try {
      await this.#inTurn(directory);
    } catch (error) {
      unlessDamage(error);
      const second = new TailReader();
      await second.read(directory).finally(() => second.end());
    }
  }

  /** The child ends when it has read what it reads; a log that is scanned later gets one of its own. Idempotent. */
  close(): void {
    this.#closed = true;
    if (!this.#running) this.#reader?.end();
  }

  #inTurn(directory: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ directory, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        // An idle reader that somebody has ended is met once: the next one is new.
        while (!(await this.#usableReader().read(next.directory)));
        next.resolve();
      } catch (error) {
        next.reject(error);
      }
    }
    this.#running = false;
    if (this.#closed) this.#reader?.end();
  }

  #usableReader(): TailReader {
    if (this.#reader?.usable !== true) this.#reader = new TailReader();
    return this.#reader;
  }
}

/** Checks one log, as `TailScanner` does. */
export async function scanTails(directory: string): Promise<void> {
  const scanner = new TailScanner();
  await scanner.scan(directory).finally(() => scanner.close());
}

/** What becomes of the log that is being read. */
interface Outcome {
  readonly line: (line: ScanLine<unknown>) => void;
  readonly gone: (code: number | null, signal: NodeJS.Signals | null) => void;
  readonly failed: (cause: Error) => void;
}

class TailReader {
  readonly #process: ChildProcess;
  #outcome: Outcome | undefined;
  #idle: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #logs = 0;
  #ended = false;

  constructor() {
    this.#process = spawn(process.execPath, [...childArguments(), "tails"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const { stdin, stdout } = this.#process;
    // Its end says more.
    stdin?.on("error", () => {});
    if (stdout) onLines(stdout, (line: ScanLine<unknown>) => this.#outcome?.line(line));
    this.#process.on("error", (cause) => {
      this.#failure = cause;
      this.end();
      this.#outcome?.failed(cause);
    });
    this.#process.on("close", (code, signal) => {
      this.end();
      this.#outcome?.gone(code, signal);
    });
    this.#endWhenIdle();
  }

  get usable(): boolean {
    return !this.#ended;
  }

  /** False when the process was gone before it heard of this log. An error is the end of this reader. */
  async read(directory: string): Promise<boolean> {
    clearTimeout(this.#idle);
    this.#logs += 1;
    const timeout = setTimeout(() => this.#process.kill("SIGKILL"), LOG_TIMEOUT_MS);
    try {
      const heard = await this.#outcomeOf(directory);
      this.#endWhenIdle();
      return heard;
    } catch (error) {
      this.end();
      throw error;
    } finally {
      clearTimeout(timeout);
      this.#outcome = undefined;
    }
  }

  #outcomeOf(directory: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(notStarted(this.#failure));
      let segment: string | undefined;
      this.#outcome = {
        line: (line) => {
          segment = line.segment ?? segment;
          if (line.error !== undefined) reject(scanError(directory, line.error));
          if (line.done !== undefined) resolve(true);
        },
        gone: (code, signal) => {
          if (segment === undefined && this.#logs > 1) resolve(false);
          else void deathOf(directory, segment, code, signal).then(reject);
        },
        failed: (cause) => reject(notStarted(cause)),
      };
      this.#process.stdin?.write(`${JSON.stringify(directory)}\n`);
    });
  }

  #endWhenIdle(): void {
    if (this.#ended) return;
    this.#idle = setTimeout(() => this.end(), IDLE_MS);
  }

  /** Nothing more is read; the process ends by itself. Idempotent. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#idle);
    this.#process.stdin?.end();
  }
}
