import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asMemberId } from "@annals/raft";
import { diskRefusal, errnoOf, replaceFile } from "@annals/storage";
import type { Logger } from "pino";
import { z } from "zod";
import type { LogEntry } from "./catalog.ts";

const FILE = "catalog.json";

const schema = z.strictObject({
  format: z.literal(1),
  logs: z.array(
    z.strictObject({
      id: z.int().positive(),
      name: z.string().min(1),
      voters: z.array(z.int().positive().transform(asMemberId)).min(1),
      schemas: z
        .array(
          z.strictObject({
            action: z.string().min(1),
            version: z.int().positive(),
            schema: z.string().optional(),
            index: z.int().positive(),
          }),
        )
        .transform((schemas) => schemas.map((one) => ({ ...one, schema: one.schema })))
        .default([]),
    }),
  ),
});

/**
 * The logs that this node has heard of, so that a start opens all of them at once. Only a copy: what `_system` says counts, but after a
 * crash it says so only when it has a leader, since how far it was committed is not flushed for its own sake.
 */
export class CatalogFile {
  readonly #path: string;
  readonly #logger: Logger;
  #next: readonly LogEntry[] | undefined;
  #writing: Promise<void> | undefined;

  constructor(data: string, logger: Logger) {
    this.#path = join(data, FILE);
    this.#logger = logger;
  }

  /** Without a file, or with one that does not parse, nothing is known yet. Rejects with a refusal of the system to open it. */
  async read(): Promise<readonly LogEntry[]> {
    try {
      return await readCatalog(this.#path);
    } catch (error) {
      const refusal = diskRefusal(error, this.#path);
      if (refusal !== undefined) throw refusal;
      if (errnoOf(error) !== "ENOENT")
        this.#logger.warn({ err: error }, "catalog.json is not used: it is written anew");
      return [];
    }
  }

  /** Stores them soon; of several calls during a write the last one counts. */
  save(logs: readonly LogEntry[]): void {
    this.#next = logs;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    for (let logs = this.#next; logs !== undefined; logs = this.#next) {
      this.#next = undefined;
      try {
        await replaceFile(this.#path, JSON.stringify({ format: 1, logs }));
      } catch (error) {
        // Nothing depends on it but the time that a start takes.
        this.#logger.warn({ err: error }, "catalog.json was not written");
      }
    }
  }
}

/** Rejects when there is no such file, or it does not parse. */
async function readCatalog(path: string): Promise<readonly LogEntry[]> {
  return schema.parse(JSON.parse(await readFile(path, "utf8"))).logs;
}

/** The logs that the node of a data directory knows of beside `_system`; none where the file is missing or does not parse. */
export async function knownLogs(data: string): Promise<readonly LogEntry[]> {
  return readCatalog(join(data, FILE)).catch(() => []);
}
