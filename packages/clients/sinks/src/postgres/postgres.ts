import { randomUUID } from "node:crypto";
import { parseExactly, recordText } from "@annals/client";
import type { StoredRecord } from "@annals/client";
import type { Client } from "pg";
import { codeOf } from "../messageOf.ts";
import { fingerprint } from "../recordHash.ts";
import { conflicting, parted } from "../run/stops.ts";
import type { Chunk, FailureClass, Held, Sink, SinkCounts, SinkCursor, Stretch } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { valueHash } from "../valueHash.ts";
import { addressOf, CONNECTION, hangUp, STATEMENT_MS } from "./connection.ts";
import { classifySqlState } from "./sqlState.ts";
import {
  cursorTable,
  firstConflict,
  firstCursor,
  heldRows,
  hasAnchor,
  insertRows,
  isTableId,
  movedCursor,
  nameTable,
  recordTable,
  tableName,
} from "./tables.ts";

export interface PostgresOptions {
  /** `postgres://user@host/database`. */
  readonly url: string;
  /** Of the sink: several of them may share a database. */
  readonly name: string;
  /** Id of the cluster: logs of several clusters may have one name. */
  readonly cluster: string;
  readonly log: string;
  readonly lane: number;
  /** Schema of its tables, made when it is missing; default `annals`. */
  readonly schema?: string;
}

const SCHEMA = "annals";
/** Whoever waits longer for a row gives up. */
const LOCK_MS = 10_000;

class NotOurs extends Error {}
class Broken extends Error {}

/** The table is gone that a statement names. */
const UNDEFINED_TABLE = "42P01";

interface StoredCursor {
  readonly cursor: SinkCursor;
  /** See `nameTable`. */
  readonly data: string | null;
}

/**
 * Records as rows of a table, with the cursor as a row beside them: both are written in one transaction, so each record is there once
 * in effect whenever the connection is lost. Made on opening: `records` (cluster, log, seq, …, record) and `sinks`. The cursor knows the
 * table that it was written with, and the last row: it is not continued on another table, nor on one that has lost its rows.
 */
export class Postgres implements Sink<string> {
  readonly settings: string = fingerprint({ sink: "postgres", version: 2 });
  readonly target: string;
  readonly probing = "rolledBack";
  readonly #options: PostgresOptions;
  readonly #schema: string;
  #client: Client | undefined;
  #statements = 0;

  /** Throws a RangeError for a schema that is no plain name. */
  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#schema = options.schema ?? SCHEMA;
    if (!/^[a-z_][a-z0-9_]*$/.test(this.#schema))
      throw new RangeError(`schema ${this.#schema} is no plain name`);
    this.target = `${addressOf(options.url)}, schema ${this.#schema}`;
  }

  plan(record: StoredRecord): readonly string[] {
    return [recordText(record)];
  }

  weigh(json: string): number {
    return Buffer.byteLength(json);
  }

  async open(): Promise<SinkCursor | undefined> {
    await this.#transaction(async (client) => {
      await this.#prepare(client);
      const stored = await this.#stored(client);
      const table = await this.#tableThere(client);
      if (stored === undefined) {
        if (table !== null && !isTableId(table)) throw this.#foreignTable();
        return this.#makeRecords(client, table);
      }
      if (stored.data !== table) throw this.#otherTable(table);
      const { cluster, log } = this.#options;
      const { anchor } = stored.cursor;
      const { rows } = await client.query<{ readonly anchored: boolean }>(hasAnchor(this.#schema), [
        cluster,
        log,
        anchor,
      ]);
      if (rows[0]?.anchored !== true) throw this.#noAnchor(anchor);
      return undefined;
    });
    return this.cursor();
  }

  async adopt(): Promise<void> {
    await this.#transaction(async (client) => {
      await this.#prepare(client);
      await this.#makeRecords(client, await this.#tableThere(client));
      const { cluster, name, lane } = this.#options;
      await client.query(
        `UPDATE ${this.#schema}.sinks
         SET data = ${tableName(this.#schema)}, cursor = jsonb_set(cursor, '{anchor}', '0')
         WHERE cluster = $1 AND name = $2 AND lane = $3`,
        [cluster, name, lane],
      );
    });
  }

  async apply({ expected, next, mutations }: Chunk<string>): Promise<void> {
    await this.#transaction(async (client) => {
      await this.#moveCursor(client, expected, next);
      if (mutations.length > 0) await this.#insert(client, mutations);
    });
  }

  async probe(mutations: readonly string[]): Promise<void> {
    const client = await this.#connected();
    await client.query("BEGIN");
    try {
      await this.#insert(client, mutations);
      // Some constraints and triggers wait for the end of the transaction.
      await client.query("SET CONSTRAINTS ALL IMMEDIATE");
    } finally {
      await client.query("ROLLBACK").catch(() => this.close());
    }
  }

  async held({ from, to }: Stretch): Promise<readonly Held[]> {
    const { cluster, log } = this.#options;
    const client = await this.#connected();
    const { rows } = await client.query<{
      readonly seq: string;
      readonly text: string;
      readonly whole: boolean;
    }>(heldRows(this.#schema), [cluster, log, from, to]);
    return rows.map(({ seq, text, whole }) =>
      whole
        ? { seq: Number(seq), hash: valueHash(parseExactly(text) as StoredRecord) }
        : { seq: Number(seq), hash: "", note: "its columns do not say what its record does" },
    );
  }

  counts(): SinkCounts {
    return { statements: this.#statements, cacheHits: 0, cacheMisses: 0, stubs: 0 };
  }

  async cursor(): Promise<SinkCursor | undefined> {
    return (await this.#stored(await this.#connected()))?.cursor;
  }

  async #stored(client: Client): Promise<StoredCursor | undefined> {
    const { cluster, name, lane } = this.#options;
    const { rows } = await client.query<StoredCursor>(
      `SELECT cursor, data FROM ${this.#schema}.sinks
       WHERE cluster = $1 AND name = $2 AND lane = $3`,
      [cluster, name, lane],
    );
    return rows[0];
  }

  /** Looks at what no record can mend, and makes the table of cursors. */
  async #prepare(client: Client): Promise<void> {
    // Making what is there already at the same time as somebody else fails, whatever IF NOT EXISTS says.
    await client.query("SELECT pg_advisory_xact_lock(hashtext($1))", [`annals:${this.#schema}`]);
    const { rows } = await client.query<{ readonly encoding: string }>(
      "SELECT current_setting('server_encoding') AS encoding",
    );
    const encoding = rows[0]?.encoding;
    if (encoding !== "UTF8")
      throw new SinkError(
        "ERR_SINK_ENCODING",
        `${this.target}: the database has the encoding ${encoding}, which cannot hold every text of a record: ` +
          "make one with `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`",
      );
    await client.query(cursorTable(this.#schema));
  }

  /** Its name; empty, or whatever text it has, if no sink has made it; null without one. */
  async #tableThere(client: Client): Promise<string | null> {
    const { rows } = await client.query<{ readonly table: string | null }>(
      `SELECT CASE WHEN to_regclass('${this.#schema}.records') IS NOT NULL
         THEN coalesce(${tableName(this.#schema)}, '') END AS "table"`,
    );
    return rows[0]?.table ?? null;
  }

  async #makeRecords(client: Client, table: string | null): Promise<void> {
    if (isTableId(table)) return;
    await client.query(recordTable(this.#schema));
    await client.query(nameTable(this.#schema, randomUUID()));
  }

  #foreignTable(): SinkError {
    return parted(`${this.target}: ${this.#schema}.records was not made by a sink`);
  }

  #otherTable(table: string | null): SinkError {
    const found = table === null ? "it is gone" : "it is another one";
    return parted(
      `${this.target}: ${this.#schema}.records is not the table that this sink has written, ${found}`,
    );
  }

  #noAnchor(seq: number): SinkError {
    const { log } = this.#options;
    return parted(
      `${this.target}: ${this.#schema}.records has not the row of record ${seq} of log ${log}, which this sink has written last`,
    );
  }

  async #insert(client: Client, mutations: readonly string[]): Promise<void> {
    const { cluster, log } = this.#options;
    const given = [cluster, log, `[${mutations.join(",")}]`];
    this.#statements++;
    const { rowCount } = await client.query(insertRows(this.#schema), given);
    if (rowCount === mutations.length) return;
    const { rows } = await client.query<{ readonly seq: string }>(
      firstConflict(this.#schema),
      given,
    );
    const [conflict] = rows;
    if (conflict === undefined) return;
    throw conflicting(
      `${this.target}: the row of record ${conflict.seq} of log ${log} has not what the log has`,
    );
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
    const { cluster, name, lane, log } = this.#options;
    this.#statements++;
    const row = [cluster, name, lane, JSON.stringify(next)];
    const { rows } = await client
      .query<{ readonly same: boolean | null; readonly anchored: boolean }>(
        expected === undefined ? firstCursor(this.#schema) : movedCursor(this.#schema),
        expected === undefined ? row : [...row, JSON.stringify(expected), expected.anchor, log],
      )
      .catch((error: unknown) => {
        throw codeOf(error) === UNDEFINED_TABLE ? this.#otherTable(null) : error;
      });
    const [moved] = rows;
    if (moved === undefined) throw new NotOurs("the stored cursor is another one");
    if (moved.same !== true) throw this.#otherTable("");
    if (!moved.anchored) throw this.#noAnchor(expected?.anchor ?? 0);
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
      ...CONNECTION,
      connectionString: this.#options.url,
      application_name: `annals sink ${this.#options.name}`,
      lock_timeout: LOCK_MS,
      // A frozen runner would hold the row of the cursor until somebody ends its process.
      idle_in_transaction_session_timeout: STATEMENT_MS,
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
