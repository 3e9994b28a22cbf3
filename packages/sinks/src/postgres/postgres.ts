import { setTimeout as sleep } from "node:timers/promises";
import { recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import type { Client } from "pg";
import { fingerprint } from "../recordHash.ts";
import type { Chunk, FailureClass, Sink, SinkCursor } from "../sink.ts";
import { classifySqlState } from "./sqlState.ts";

export interface PostgresOptions {
  /** `postgres://user@host/database`. */
  readonly url: string;
  /** Of the sink: several of them may share a database. */
  readonly name: string;
  readonly log: string;
  readonly lane: number;
  /** Schema of its tables, made when it is missing; default `annals`. */
  readonly schema?: string;
}

const SCHEMA = "annals";
const CONNECT_MS = 10_000;
/** Whoever waits longer for a row, or works longer on a chunk, gives up. */
const LOCK_MS = 10_000;
const STATEMENT_MS = 30_000;
/** The client gives up on a server that says nothing. */
const SILENCE_MS = 45_000;
const CLOSE_MS = 5_000;

class NotOurs extends Error {}
class Broken extends Error {}

/**
 * Records as rows of a table, with the cursor as a row beside them: both are written in one transaction, so each record is there once
 * in effect whenever the connection is lost. Made on opening: `records` (log, seq, …, record) and `sinks`.
 */
export class Postgres implements Sink<string> {
  readonly settings: string = fingerprint({ sink: "postgres", version: 1 });
  readonly #options: PostgresOptions;
  readonly #schema: string;
  #client: Client | undefined;

  /** Throws a RangeError for a schema that is no plain name. */
  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#schema = options.schema ?? SCHEMA;
    if (!/^[a-z_][a-z0-9_]*$/.test(this.#schema))
      throw new RangeError(`schema ${this.#schema} is no plain name`);
  }

  plan(record: StoredRecord): readonly string[] {
    return [recordText(record)];
  }

  weigh(json: string): number {
    return Buffer.byteLength(json);
  }

  async open(): Promise<SinkCursor | undefined> {
    await this.#transaction(async (client) => {
      // Making what is there already at the same time as somebody else fails, whatever IF NOT EXISTS says.
      await client.query("SELECT pg_advisory_xact_lock(hashtext($1))", [`annals:${this.#schema}`]);
      await client.query(definitions(this.#schema));
    });
    return this.cursor();
  }

  async apply({ expected, next, mutations }: Chunk<string>): Promise<void> {
    await this.#transaction(async (client) => {
      await this.#moveCursor(client, expected, next);
      if (mutations.length === 0) return;
      await client.query(upsert(this.#schema), [this.#options.log, `[${mutations.join(",")}]`]);
    });
  }

  async cursor(): Promise<SinkCursor | undefined> {
    const { name, lane } = this.#options;
    const client = await this.#connected();
    const { rows } = await client.query<{ readonly cursor: SinkCursor }>(
      `SELECT cursor FROM ${this.#schema}.sinks WHERE name = $1 AND lane = $2`,
      [name, lane],
    );
    return rows[0]?.cursor;
  }

  classify(error: unknown): FailureClass {
    if (error instanceof NotOurs) return "fenced";
    if (error instanceof Broken) return "transient";
    return classifySqlState(error);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await hangUp(client);
  }

  /** First of all, since it shuts out whoever else writes: the row is locked until the end. */
  async #moveCursor(
    client: Client,
    expected: SinkCursor | undefined,
    next: SinkCursor,
  ): Promise<void> {
    const { name, lane } = this.#options;
    const table = `${this.#schema}.sinks`;
    const { rowCount } =
      expected === undefined
        ? await client.query(
            `INSERT INTO ${table} (name, lane, cursor) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
            [name, lane, JSON.stringify(next)],
          )
        : await client.query(
            `UPDATE ${table} SET cursor = $3 WHERE name = $1 AND lane = $2 AND cursor = $4::jsonb`,
            [name, lane, JSON.stringify(next), JSON.stringify(expected)],
          );
    if (rowCount !== 1) throw new NotOurs("the stored cursor is another one");
  }

  async #transaction(work: (client: Client) => Promise<void>): Promise<void> {
    const client = await this.#connected();
    try {
      await client.query("BEGIN");
      await work(client);
      await client.query("COMMIT");
    } catch (error) {
      await client.query("ROLLBACK").catch(() => this.close());
      throw error;
    }
  }

  /** A connection that was lost is made again. */
  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    // Only who has such a sink loads the driver.
    const { Client: PgClient } = await import("pg");
    const client = new PgClient({
      connectionString: this.#options.url,
      application_name: `annals sink ${this.#options.name}`,
      connectionTimeoutMillis: CONNECT_MS,
      lock_timeout: LOCK_MS,
      statement_timeout: STATEMENT_MS,
      // A frozen runner would hold the row of the cursor until somebody ends its process.
      idle_in_transaction_session_timeout: STATEMENT_MS,
      query_timeout: SILENCE_MS,
      keepAlive: true,
    });
    client.on("error", () => {
      if (this.#client === client) this.#client = undefined;
    });
    try {
      await client.connect();
    } catch (error) {
      await hangUp(client);
      // Before a server has said anything it is an outage.
      if (error instanceof Error && !("code" in error) && !/SASL|password/.test(error.message))
        throw new Broken(error.message, { cause: error });
      throw error;
    }
    this.#client = client;
    return client;
  }
}

/** A connection that is broken has nothing to say any more, and one of which the other end is gone may never say so. */
async function hangUp(client: Client): Promise<void> {
  const ended = client.end().catch(() => undefined);
  await Promise.race([ended, sleep(CLOSE_MS, undefined, { ref: false })]);
}

function definitions(schema: string): string {
  return `
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE IF NOT EXISTS ${schema}.sinks (
      name text, lane integer, cursor jsonb NOT NULL, PRIMARY KEY (name, lane)
    );
    CREATE TABLE IF NOT EXISTS ${schema}.records (
      log text, seq bigint, recorded_at timestamptz NOT NULL, tenant text,
      actor_type text, actor_id text NOT NULL, action text NOT NULL, outcome text,
      record jsonb NOT NULL, PRIMARY KEY (log, seq)
    );`;
}

/** A record never changes, so a row that is there is right: it was written by another sink on the same table, or before a replay. */
function upsert(schema: string): string {
  return `
    INSERT INTO ${schema}.records
      (log, seq, recorded_at, tenant, actor_type, actor_id, action, outcome, record)
    SELECT $1, (r->>'seq')::bigint, (r->>'recordedAt')::timestamptz, r->>'tenant',
      r->'actor'->>'type', r->'actor'->>'id', r->>'action', r->>'outcome', r
    FROM jsonb_array_elements($2::jsonb) AS r
    ORDER BY (r->>'seq')::bigint
    ON CONFLICT (log, seq) DO UPDATE SET record = EXCLUDED.record`;
}
