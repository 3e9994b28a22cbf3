import { ClientError } from "@annals/client";
import type { Client } from "pg";

/** A table that only grows, and how its rows are put in order. */
export interface SourceTable {
  readonly schema: string;
  readonly table: string;
  /** Unique, such as the primary key. */
  readonly column: string;
  /** Of type xid8: the transaction that has inserted the row. */
  readonly xid: string;
  /** Of type timestamptz: when it happened. */
  readonly time?: string | undefined;
}

/** The last row that is recorded. */
export interface RowPosition {
  readonly xid: string;
  readonly key: string;
}

/** A row as a batch brings it. */
export interface Row extends RowPosition {
  /** Its JSON; null if that has more than `ROW_BYTES_MAX`. */
  readonly row: string | null;
  readonly bytes: number;
  readonly timeMs: number | null;
}

/** A larger row is a dead letter. */
export const ROW_BYTES_MAX: number = 1 << 20;
const BATCH_ROWS = 500;
const BATCH_BYTES = 4 << 20;
/** PostgreSQL 13 has xid8. */
const VERSION_MIN = 130_000;
const KEY_TYPES: ReadonlySet<string> = new Set(["smallint", "integer", "bigint", "uuid"]);
/** More rows than these are not counted. */
const LAG_ROWS_MAX = 10_000;

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function nameOf({ schema, table }: SourceTable): string {
  return `${schema}.${table}`;
}

function quotedName({ schema, table }: SourceTable): string {
  return `${quoted(schema)}.${quoted(table)}`;
}

/** The id of a row's record. */
export function rowId(table: SourceTable, position: RowPosition): string {
  return `${nameOf(table)}/${positionText(position)}`;
}

export function positionText({ xid, key }: RowPosition): string {
  return `${xid}/${key}`;
}

/** The position in the id of a record; undefined if it is none of this table. */
export function positionIn(table: SourceTable, id: string | undefined): string | undefined {
  const prefix = `${nameOf(table)}/`;
  const rest = id?.startsWith(prefix) === true ? id.slice(prefix.length) : undefined;
  return rest !== undefined && parsePosition(rest) !== undefined ? rest : undefined;
}

export function parsePosition(text: string): RowPosition | undefined {
  const [, xid, key] = /^(\d{1,20})\/([0-9a-f-]{1,40})$/.exec(text) ?? [];
  return xid === undefined || key === undefined ? undefined : { xid, key };
}

interface FoundColumn {
  readonly name: string;
  readonly type: string;
  readonly filled: boolean;
  readonly standard: string | null;
  readonly unique: boolean;
}

/**
 * Looks whether the table can show which rows are still to come. Rejects with ERR_SOURCE_TABLE. Resolves with the type of the column, and
 * whether an index has the order in which rows are read.
 */
export async function checkTable(
  client: Client,
  table: SourceTable,
): Promise<{ readonly type: string; readonly isIndexed: boolean }> {
  const name = quotedName(table);
  const found = await client.query<{ readonly kind: string | null; readonly version: number }>(
    `SELECT (SELECT relkind FROM pg_class WHERE oid = to_regclass($1)) AS kind,
      current_setting('server_version_num')::integer AS version`,
    [name],
  );
  const [{ kind, version } = { kind: null, version: 0 }] = found.rows;
  if (version < VERSION_MIN) throw refused(table, "the server is older than PostgreSQL 13");
  if (kind === null) throw refused(table, "there is no such table");
  if (kind !== "r" && kind !== "p") throw refused(table, "it is no table");
  const columns = await client.query<FoundColumn>(COLUMNS, [name, [table.column, table.xid]]);
  const key = columns.rows.find((one) => one.name === table.column);
  const xid = columns.rows.find((one) => one.name === table.xid);
  if (key === undefined) throw refused(table, `it has no column ${table.column}`);
  if (!KEY_TYPES.has(key.type))
    throw refused(
      table,
      `${table.column} is ${key.type}, and not one of ${[...KEY_TYPES].join(", ")}`,
    );
  if (!key.filled || !key.unique)
    throw refused(table, `${table.column} must be NOT NULL and unique by itself`);
  const isMade = xid?.type === "xid8" && xid.filled && xid.standard === "pg_current_xact_id()";
  if (!isMade)
    throw refused(
      table,
      `it cannot show which rows are still to come: ALTER TABLE ${name} ADD COLUMN ${quoted(table.xid)} ` +
        "xid8 NOT NULL DEFAULT pg_current_xact_id()",
    );
  const indexed = await client.query(ORDER_INDEX, [name, table.xid, table.column]);
  return { type: key.type, isIndexed: indexed.rows.length > 0 };
}

/** The statement that makes the index which reading wants. */
export function indexStatement(table: SourceTable): string {
  return `CREATE INDEX CONCURRENTLY ON ${quotedName(table)} (${quoted(table.xid)}, ${quoted(table.column)})`;
}

function refused(table: SourceTable, why: string): ClientError {
  return new ClientError("ERR_SOURCE_TABLE", `table ${nameOf(table)}: ${why}`);
}

const COLUMNS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS filled,
    pg_get_expr(d.adbin, d.adrelid) AS standard,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS "unique"
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = to_regclass($1) AND a.attname = ANY($2) AND NOT a.attisdropped`;

const ORDER_INDEX = `
  SELECT FROM pg_index i
  JOIN pg_attribute x ON x.attrelid = i.indrelid AND x.attnum = i.indkey[0]
  JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[1]
  WHERE i.indrelid = to_regclass($1) AND i.indisvalid AND i.indpred IS NULL
    AND x.attname = $2 AND k.attname = $3`;

/**
 * The rows behind a position whose transactions are over. A transaction below the oldest one that runs has ended: nobody can add a row
 * below it any more, whatever the order in which they commit or draw their keys. So rows are read by transaction first, and never beyond.
 */
export async function readBatch(
  client: Client,
  table: SourceTable,
  type: string,
  after: RowPosition | undefined,
): Promise<readonly Row[]> {
  const [x, k] = [`t.${quoted(table.xid)}`, `t.${quoted(table.column)}`];
  const time =
    table.time === undefined ? "NULL" : `extract(epoch FROM t.${quoted(table.time)}) * 1000`;
  const behind = after === undefined ? "" : `AND (${x}, ${k}) > ($1::xid8, $2::${type})`;
  const { rows } = await client.query<Row>(
    `WITH picked AS (
       SELECT ${x} AS x, ${k} AS k, (to_jsonb(t) - ${literal(table.xid)})::text AS row,
         (${time})::float8 AS ms
       FROM ${quotedName(table)} t
       WHERE ${x} < pg_snapshot_xmin(pg_current_snapshot()) ${behind}
       ORDER BY 1, 2 LIMIT ${BATCH_ROWS}
     ), sized AS (
       SELECT *, octet_length(row) AS bytes, sum(octet_length(row)) OVER (ORDER BY x, k) AS upto FROM picked
     )
     SELECT x::text AS xid, k::text AS key, bytes, ms AS "timeMs",
       CASE WHEN bytes <= ${ROW_BYTES_MAX} THEN row END AS row
     FROM sized WHERE upto - bytes < ${BATCH_BYTES} ORDER BY x, k`,
    after === undefined ? [] : [after.xid, after.key],
  );
  return rows;
}

/** Rows behind a position, also those that must wait; as far as they are counted. */
export async function countBehind(
  client: Client,
  table: SourceTable,
  type: string,
  after: RowPosition | undefined,
): Promise<number> {
  const place = `(${quoted(table.xid)}, ${quoted(table.column)})`;
  const behind = after === undefined ? "" : `WHERE ${place} > ($1::xid8, $2::${type})`;
  const { rows } = await client.query<{ readonly behind: string }>(
    `SELECT count(*) AS behind FROM
       (SELECT FROM ${quotedName(table)} ${behind} LIMIT ${LAG_ROWS_MAX}) AS counted`,
    after === undefined ? [] : [after.xid, after.key],
  );
  return Number(rows[0]?.behind ?? 0);
}

/** Rejects with ERR_SOURCE_HISTORY if the database has not had the transaction of a position: it was put back, or is another one. */
export async function checkHistory(
  client: Client,
  table: SourceTable,
  { xid }: RowPosition,
): Promise<void> {
  const { rows } = await client.query<{ readonly next: string }>(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next",
  );
  const next = rows[0]?.next ?? "0";
  if (BigInt(xid) < BigInt(next)) return;
  throw new ClientError(
    "ERR_SOURCE_HISTORY",
    `table ${nameOf(table)}: rows of transaction ${xid} are recorded, and the database is at ${next}: ` +
      "it was put back, or is another one. Give the source another name to record it from its beginning",
  );
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
