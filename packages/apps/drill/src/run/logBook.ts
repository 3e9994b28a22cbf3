import { open } from "node:fs/promises";

/** A term that somebody stood for. */
export interface ElectionSeen {
  readonly log: string;
  readonly term: number;
}

/** A worker thread ended, with the logs that it had. */
export interface WorkerDeath {
  readonly atMs: number;
  readonly logs: readonly string[];
}

/** A log was given to another worker. */
export interface Handover {
  readonly atMs: number;
  readonly log: string;
}

const READ_BYTES = 256 * 1024;
const LINE_MAX = 64 * 1024;
const KEPT_LINES = 3;

interface Matched {
  readonly pattern: RegExp;
  count: number;
  /** The first ones. */
  readonly lines: string[];
}

/** The log of one node's processes, as it grows: what it says about elections and workers, and which lines match what was asked for. */
export class LogBook {
  readonly #file: string;
  readonly #matched: ReadonlyMap<string, Matched>;
  readonly deaths: WorkerDeath[] = [];
  readonly handovers: Handover[] = [];
  readonly elections: ElectionSeen[] = [];
  #offset = 0;
  #rest = "";
  #reading: Promise<void> = Promise.resolve();

  /** `patterns`: regular expressions of which matching lines are counted. */
  constructor(file: string, patterns: Iterable<string>) {
    this.#file = file;
    this.#matched = new Map(
      [...patterns].map((text) => [text, { pattern: new RegExp(text, "i"), count: 0, lines: [] }]),
    );
  }

  /** Lines that matched, with the first few of them. */
  matches(pattern: string): { readonly count: number; readonly lines: readonly string[] } {
    return this.#matched.get(pattern) ?? { count: 0, lines: [] };
  }

  /** Reads what was added; one reading at a time. */
  read(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#readOn());
    return this.#reading;
  }

  async #readOn(): Promise<void> {
    const file = await open(this.#file).catch(() => undefined);
    if (file === undefined) return;
    try {
      const buffer = Buffer.alloc(READ_BYTES);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, READ_BYTES, this.#offset);
        if (bytesRead === 0) return;
        this.#offset += bytesRead;
        this.#take(buffer.toString("latin1", 0, bytesRead));
      }
    } finally {
      await file.close();
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-LINE_MAX);
    for (const line of lines) this.line(line);
  }

  /** One line of the log. */
  line(line: string): void {
    for (const matched of this.#matched.values()) {
      if (!matched.pattern.test(line)) continue;
      matched.count++;
      if (matched.lines.length < KEPT_LINES) matched.lines.push(line);
    }
    const entry = parseLine(line);
    if (entry === undefined) return;
    const { msg, time = 0, log = "", logs = [], term = 0 } = entry;
    if (msg === "worker ended; its logs are handed to others")
      this.deaths.push({ atMs: time, logs });
    else if (msg === "log handed over") this.handovers.push({ atMs: entry.atMs ?? time, log });
    else if (msg === "becameCandidate") this.elections.push({ log, term });
  }
}

interface LogEntry {
  readonly msg?: string;
  readonly time?: number;
  readonly log?: string;
  readonly logs?: readonly string[];
  readonly term?: number;
  /** When it happened, by a clock of the process that never jumps; the line may be later. */
  readonly atMs?: number;
}

function parseLine(line: string): LogEntry | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as LogEntry;
  } catch {
    return undefined;
  }
}
