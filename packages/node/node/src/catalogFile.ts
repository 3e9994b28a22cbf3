import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { asMemberId } from "@annals/raft";
import { diskRefusal, errnoOf, replaceFile } from "@annals/storage";
import type { Logger } from "pino";
import { z } from "zod";
import type { CatalogEntry } from "@annals/system";

const FILE = "catalog.json";

const member = z.int().positive().transform(asMemberId);

const schemas = z
  .array(
    z.strictObject({
      action: z.string().min(1),
      version: z.int().positive(),
      schema: z.string().optional(),
      index: z.int().positive(),
    }),
  )
  .transform((list) => list.map((one) => ({ ...one, schema: one.schema })));

const decision = z.strictObject({
  index: z.int().positive(),
  keep: z.string().min(1),
  member,
  by: z.string(),
  at: z.int().nonnegative(),
  pending: z.array(member),
  judged: z.int().positive(),
});

const catalog = z.strictObject({
  format: z.literal(1),
  logs: z.array(
    z
      .strictObject({
        id: z.int().positive(),
        name: z.string().min(1),
        voters: z.array(member).min(1),
        schemas: schemas.default([]),
        decision: decision.optional(),
      })
      .transform(
        ({ decision: known, ...log }): CatalogEntry =>
          known === undefined ? log : { ...log, decision: known },
      ),
  ),
});

/**
 * The logs that this node has heard of, so that a start opens all of them at once. Only a copy: what `_system` says counts, but after a
 * crash it says so only when it has a leader, since how far it was committed is not flushed for its own sake.
 */
export class CatalogFile {
  readonly #path: string;
  readonly #logger: Logger;
  #next: readonly CatalogEntry[] | undefined;
  #writing: Promise<void> | undefined;

  constructor(data: string, logger: Logger) {
    this.#path = join(data, FILE);
    this.#logger = logger;
  }

  /** Without a file, or with one that does not parse, nothing is known yet. Rejects with a refusal of the system to open it. */
  async read(): Promise<readonly CatalogEntry[]> {
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

  /** Stores them soon; of several calls during a write the last one counts. Resolves when they are durable, or were not written. */
  save(logs: readonly CatalogEntry[]): Promise<void> {
    this.#next = logs;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
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
        // Nothing depends on it but how soon after a start the node knows what it knew.
        this.#logger.warn({ err: error }, "catalog.json was not written");
      }
    }
  }
}

/** Rejects when there is no such file, or it does not parse. */
async function readCatalog(path: string): Promise<readonly CatalogEntry[]> {
  return catalog.parse(JSON.parse(await readFile(path, "utf8"))).logs;
}

/** The logs that the node of a data directory knows of beside `_system`; none where the file is missing or does not parse. */
export async function knownLogs(data: string): Promise<readonly CatalogEntry[]> {
  return readCatalog(join(data, FILE)).catch(() => []);
}

/** The entries of `_system` that made the decisions are void on this node: it hears again of those that count. */
export async function forgetDecisions(data: string): Promise<void> {
  const known = await knownLogs(data);
  const logs = known.map(({ id, name, voters, schemas }) => ({ id, name, voters, schemas }));
  if (logs.length > 0) await replaceFile(join(data, FILE), JSON.stringify({ format: 1, logs }));
}
