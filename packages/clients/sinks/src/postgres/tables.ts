/** The statements of the PostgreSQL sink. The schema is a plain name. */

const COLUMNS = "recorded_at, tenant, actor_type, actor_id, action, outcome, record";

/** The cursors: a row a lane of a sink of a cluster. `data` names the table of records that it was written with. */
export function cursorTable(schema: string): string {
  return `
    CREATE SCHEMA IF NOT EXISTS ${schema};
    CREATE TABLE IF NOT EXISTS ${schema}.sinks (
      cluster text, name text, lane integer, cursor jsonb NOT NULL, data text,
      PRIMARY KEY (cluster, name, lane)
    );`;
}

export function recordTable(schema: string): string {
  return `
    CREATE TABLE IF NOT EXISTS ${schema}.records (
      cluster text, log text, seq bigint, recorded_at timestamptz NOT NULL, tenant text,
      actor_type text, actor_id text NOT NULL, action text NOT NULL, outcome text,
      record jsonb NOT NULL, PRIMARY KEY (cluster, log, seq)
    );`;
}

/** Names this table among all that may ever have its name: kept as its comment, which goes with it. */
export function nameTable(schema: string, id: string): string {
  return `COMMENT ON TABLE ${schema}.records IS '${TABLE_ID}${id}'`;
}

const TABLE_ID = "written by annals, do not change this text: ";

/** The name of the table that is there now; null without one. */
export function tableName(schema: string): string {
  return `obj_description(to_regclass('${schema}.records'), 'pg_class')`;
}

export function isTableId(text: string | null): text is string {
  return text?.startsWith(TABLE_ID) === true;
}

/** Whether the row of the anchor is there; $1: cluster, $2: log, $3: seq. */
export function hasAnchor(schema: string): string {
  return `SELECT $3::bigint = 0 OR EXISTS (
    SELECT FROM ${schema}.records WHERE cluster = $1 AND log = $2 AND seq = $3) AS anchored`;
}

/** $1: cluster, $2: name, $3: lane, $4: next cursor. */
export function firstCursor(schema: string): string {
  return `
    INSERT INTO ${schema}.sinks (cluster, name, lane, cursor, data)
    SELECT $1, $2, $3, $4::jsonb, ${tableName(schema)}
    ON CONFLICT DO NOTHING RETURNING true AS same, true AS anchored`;
}

/** Also looks whether the table is still the one, and has what was written last. $5: expected cursor, $6: its anchor, $7: log. */
export function movedCursor(schema: string): string {
  return `
    UPDATE ${schema}.sinks SET cursor = $4::jsonb
    WHERE cluster = $1 AND name = $2 AND lane = $3 AND cursor = $5::jsonb
    RETURNING data = ${tableName(schema)} AS same, $6::bigint = 0 OR EXISTS (
      SELECT FROM ${schema}.records WHERE cluster = $1 AND log = $7 AND seq = $6) AS anchored`;
}

/** The rows that records become; $1: cluster, $2: log, $3: records as a JSON array. */
const GIVEN = `
  SELECT $1::text AS cluster, $2::text AS log, (r->>'seq')::bigint AS seq,
    (r->>'recordedAt')::timestamptz AS recorded_at, r->>'tenant' AS tenant,
    r->'actor'->>'type' AS actor_type, r->'actor'->>'id' AS actor_id, r->>'action' AS action,
    r->>'outcome' AS outcome, r AS record
  FROM jsonb_array_elements($3::jsonb) AS r
  ORDER BY seq`;

/** A row that is there stays: it is the same, from before a replay or by another sink, or a conflict. */
export function insertRows(schema: string): string {
  return `
    INSERT INTO ${schema}.records (cluster, log, seq, ${COLUMNS})
    ${GIVEN}
    ON CONFLICT (cluster, log, seq) DO NOTHING`;
}

/** Rows of a stretch; `whole`: the columns say what the record does. $1: cluster, $2: log, $3, $4: first and last seq. */
export function heldRows(schema: string): string {
  return `
    SELECT seq, record::text AS text,
      (recorded_at, tenant, actor_type, actor_id, action, outcome) IS NOT DISTINCT FROM
      ((record->>'recordedAt')::timestamptz, record->>'tenant', record->'actor'->>'type',
        record->'actor'->>'id', record->>'action', record->>'outcome') AS whole
    FROM ${schema}.records WHERE cluster = $1 AND log = $2 AND seq BETWEEN $3 AND $4 ORDER BY seq`;
}

/** The first row that is there with other content. Values are compared, not texts. */
export function firstConflict(schema: string): string {
  const own = (table: string): string => COLUMNS.replaceAll(/\w+/g, (name) => `${table}.${name}`);
  return `
    SELECT given.seq FROM (${GIVEN}) AS given
    JOIN ${schema}.records AS held USING (cluster, log, seq)
    WHERE (${own("held")}) IS DISTINCT FROM (${own("given")})
    ORDER BY given.seq LIMIT 1`;
}
