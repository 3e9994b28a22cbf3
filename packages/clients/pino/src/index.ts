import { appendFile } from "node:fs/promises";
import { AnnalsClient, parseExactly } from "@annals/client";
import type { AuditRecord, LogWriterOptions } from "@annals/client";
import build from "pino-abstract-transport";
import { recordOfLine } from "./recordOfLine.ts";

export interface AnnalsTransportOptions extends LogWriterOptions {
  /** Base URLs of some nodes. */
  readonly urls: readonly string[];
  readonly log: string;
  /** Who acts when a line names nobody. */
  readonly actor?: AuditRecord["actor"];
  /** Where records go that could not be appended, one JSON line each with the reason; default: standard error. */
  readonly deadLetterFile?: string;
  /** Milliseconds after which the end of the process gives up what is not acknowledged; default 10 000. */
  readonly closeTimeoutMs?: number;
}

const CLOSE_TIMEOUT_MS = 10_000;

/**
 * A transport for pino: `pino({ transport: { target: "@annals/pino", options: { urls, log: "audit" } } })`. Lines with an `action` and an
 * `actor` become records; others are passed over. What is not acknowledged is bounded by `maxPendingBytes`; at the cap reading stops, and
 * pino waits. A record that cannot be appended is no loss but a dead letter.
 */
// pino loads the default export of a transport's module.
export default function annalsTransport(options: AnnalsTransportOptions): ReturnType<typeof build> {
  const { urls, log, actor, deadLetterFile, closeTimeoutMs = CLOSE_TIMEOUT_MS, ...rest } = options;
  const client = new AnnalsClient({ urls });
  const writer = client.writer(log, rest);
  const letters = new DeadLetters(deadLetterFile);
  return build(
    async (source) => {
      for await (const line of source as AsyncIterable<Readonly<Record<string, unknown>>>) {
        const record = recordOfLine(line, actor);
        if (record === undefined) continue;
        await writer.ready();
        writer.append(record).catch((error: unknown) => letters.add(record, error));
      }
    },
    {
      // Numbers that no double holds keep their digits.
      parseLine: (line: string) => parseExactly(line),
      close: async () => {
        await writer.close({ timeoutMs: closeTimeoutMs });
        await letters.written();
        client.close();
      },
    },
  );
}

/** Records that are not, or not known to be, in the log. One is written at a time, in order. */
class DeadLetters {
  readonly #file: string | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(file: string | undefined) {
    this.#file = file;
  }

  add(record: AuditRecord, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    const line = `${JSON.stringify({ reason, record })}\n`;
    this.#last = this.#last.then(() => this.#write(line));
  }

  async #write(line: string): Promise<void> {
    try {
      if (this.#file !== undefined) return await appendFile(this.#file, line);
    } catch (error) {
      process.stderr.write(`cannot write ${this.#file}: ${String(error)}\n`);
    }
    process.stderr.write(line);
  }

  written(): Promise<void> {
    return this.#last;
  }
}
