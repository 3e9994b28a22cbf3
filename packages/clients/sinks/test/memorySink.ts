import type { StoredRecord } from "@annals/client";
import { InjectedFault } from "../src/kit/faultySink.ts";
import { fingerprint } from "../src/recordHash.ts";
import { sameCursor } from "../src/sink.ts";
import type { Chunk, FailureClass, Sink, SinkCursor } from "../src/sink.ts";

export interface Row {
  readonly key: string;
  readonly bytes: number;
}

/** What a sink's database holds. */
export interface MemoryDatabase {
  rows: Row[];
  cursor: SinkCursor | undefined;
}

export interface MemorySinkOptions {
  /** Mutations of a record; default one. */
  readonly items?: (record: StoredRecord) => number;
  /** Refused by the database for what they are. */
  readonly poison?: (seq: number) => boolean;
  /** Cannot even be planned. */
  readonly unplannable?: (seq: number) => boolean;
  /** Items for which the database has memory. */
  readonly memory?: () => number;
}

/** A database in memory with transactions. */
export class MemorySink implements Sink<Row> {
  readonly settings: string = fingerprint("memory");
  readonly target = "memory";
  readonly probing = "rolledBack";
  readonly #database: MemoryDatabase;
  readonly #options: MemorySinkOptions;

  constructor(database: MemoryDatabase, options: MemorySinkOptions = {}) {
    this.#database = database;
    this.#options = options;
  }

  plan(record: StoredRecord): readonly Row[] {
    if (this.#options.unplannable?.(record.seq)) throw new Error(`no plan for ${record.seq}`);
    const items = this.#options.items?.(record) ?? 1;
    return Array.from({ length: items }, (_, k) => ({
      key: `${record.seq}/${k}`,
      bytes: 10 + (record.seq % 50),
    }));
  }

  weigh({ bytes }: Row): number {
    return bytes;
  }

  async open(): Promise<SinkCursor | undefined> {
    return this.#database.cursor;
  }

  async apply({ expected, next, mutations }: Chunk<Row>): Promise<void> {
    if (!sameCursor(this.#database.cursor, expected)) throw new InjectedFault("fenced");
    await this.probe(mutations);
    this.#database.rows.push(...mutations);
    this.#database.cursor = next;
  }

  async probe(mutations: readonly Row[]): Promise<void> {
    if (mutations.length > (this.#options.memory?.() ?? Number.POSITIVE_INFINITY))
      throw new InjectedFault("tooLarge");
    if (mutations.some(({ key }) => this.#options.poison?.(Number(key.split("/")[0]))))
      throw new InjectedFault("data", "violates a constraint");
  }

  async cursor(): Promise<SinkCursor | undefined> {
    return this.#database.cursor;
  }

  classify(error: unknown): FailureClass {
    return error instanceof InjectedFault ? error.kind : "unknown";
  }

  async close(): Promise<void> {}
}

export function emptyDatabase(): MemoryDatabase {
  return { rows: [], cursor: undefined };
}
