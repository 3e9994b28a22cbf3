/**
 * The one Cypher dialect. Templates take `$rows` and answer with `count`, which must equal the rows sent: a row that found no end is an
 * error, never a silent loss. Every search is by a key that has an index.
 */

/** A label or an edge type that needs no quoting and is no word of a dialect. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,62}$/;
const RESERVED = new Set(["IN", "IS", "AS", "OR", "NOT", "AND", "XOR", "NULL", "TRUE", "FALSE"]);

export function isGraphName(name: string): boolean {
  return NAME.test(name) && !RESERVED.has(name.toUpperCase());
}

export interface IndexedProperty {
  readonly name: string;
  readonly label: string;
  readonly property: string;
  readonly unique: boolean;
}

/** Constraints and indexes, made before anything is written. */
export const SCHEMA: readonly IndexedProperty[] = [
  { name: "annals_entity_key", label: "Entity", property: "key", unique: true },
  { name: "annals_cursor_id", label: "SinkCursor", property: "id", unique: true },
  { name: "annals_change_head", label: "Change", property: "head", unique: true },
  { name: "annals_change_property", label: "Change", property: "property", unique: false },
  { name: "annals_change_entity", label: "Change", property: "entity", unique: false },
];

/** Nodes that only one record makes. */
export function createNodes(label: string): string {
  return (
    `UNWIND $rows AS row CREATE (n:Entity:${label} {key: row.key, seq: row.seq}) ` +
    "SET n += row.properties RETURN count(n) AS count"
  );
}

/** Nodes that several records name; those that are there stay as they are. `stubs` counts nodes that an edge made before. */
export function mergeNodes(label: string): string {
  return (
    "UNWIND $rows AS row MERGE (n:Entity {key: row.key}) " +
    `ON CREATE SET n:${label}, n.seq = row.seq, n += row.properties ` +
    "RETURN count(n) AS count, sum(CASE WHEN n.stub = true THEN 1 ELSE 0 END) AS stubs"
  );
}

/** Makes stubs what they stood for. */
export function fillStubs(label: string): string {
  return (
    "UNWIND $rows AS row MATCH (n:Entity {key: row.key}) WHERE n.stub = true " +
    `SET n:${label}, n.seq = row.seq, n += row.properties REMOVE n.stub RETURN count(n) AS count`
  );
}

/** Ends of edges that nothing has made yet. */
export const MERGE_STUBS: string =
  "UNWIND $rows AS row MERGE (n:Entity {key: row.key}) " +
  "ON CREATE SET n.stub = true, n.seq = row.seq " +
  "RETURN count(n) AS count, sum(CASE WHEN n.stub = true AND n.seq = row.seq THEN 1 ELSE 0 END) AS stubs";

export function createEdges(type: string): string {
  return (
    "UNWIND $rows AS row MATCH (a:Entity {key: row.from}) MATCH (b:Entity {key: row.to}) " +
    `CREATE (a)-[r:${type} {key: row.key, seq: row.seq}]->(b) ` +
    "SET r += row.properties RETURN count(r) AS count"
  );
}

export function mergeEdges(type: string): string {
  return (
    "UNWIND $rows AS row MATCH (a:Entity {key: row.from}) MATCH (b:Entity {key: row.to}) " +
    `MERGE (a)-[r:${type} {key: row.key}]->(b) ` +
    "ON CREATE SET r.seq = row.seq, r += row.properties RETURN count(r) AS count"
  );
}

/** The change of each property that holds now. */
export const READ_HEADS: string =
  "UNWIND $rows AS row MATCH (c:Change {head: row.property}) " +
  "RETURN row.property AS property, c.key AS key, c.from AS begin";

/** Ends intervals; the change that ends is no head any more. */
export const CLOSE_CHANGES: string =
  "UNWIND $rows AS row MATCH (c:Entity {key: row.key}) " +
  "SET c.to = row.to REMOVE c.head RETURN count(c) AS count";

/** Of one property, the change in whose interval a time lies. */
export const CHANGE_BEFORE: string =
  "MATCH (c:Change {property: $property}) WITH c, c.from AS begin WHERE begin <= $from " +
  "RETURN c.key AS key, c.to AS end ORDER BY begin DESC, c.seq DESC LIMIT 1";

export const FIRST_CHANGE: string =
  "MATCH (c:Change {property: $property}) " +
  "RETURN c.key AS key, c.from AS begin ORDER BY c.from, c.seq LIMIT 1";

/** What nodes are there of those that somebody is about to make. */
export const READ_NODES: string =
  "UNWIND $rows AS row MATCH (n:Entity {key: row.key}) " +
  "RETURN n.key AS key, properties(n) AS properties";

/** Which edges of a type are there. */
export function findEdges(type: string): string {
  return (
    `UNWIND $rows AS row MATCH (a:Entity {key: row.from})-[r:${type}]->(b:Entity {key: row.to}) ` +
    "WHERE r.key = row.key RETURN row.at AS at"
  );
}

/** Whether a node is there. */
export const FIND_NODE: string = "MATCH (n:Entity {key: $key}) RETURN n.seq AS seq";

const CURSOR_COLUMNS =
  "RETURN c.seq AS seq, c.part AS part, c.settings AS settings, c.epoch AS epoch, " +
  "c.recordHash AS recordHash, c.scope AS scope, c.anchor AS anchor, c.anchorKey AS anchorKey";

/** The property set before the cursor is read locks its node, so that what is read is current also where reads are not repeatable. */
export const LOCK_CURSOR: string = `MATCH (c:SinkCursor {id: $id}) SET c.touched = $touched ${CURSOR_COLUMNS}`;

export const READ_CURSOR: string = `MATCH (c:SinkCursor {id: $id}) ${CURSOR_COLUMNS}`;

export const CREATE_CURSOR: string =
  "CREATE (c:SinkCursor {id: $id, seq: $seq, part: $part, settings: $settings, " +
  "epoch: $epoch, recordHash: $recordHash, scope: $scope, anchor: $anchor, anchorKey: $anchorKey}) RETURN count(c) AS count";

export const MOVE_CURSOR: string =
  "MATCH (c:SinkCursor {id: $id}) SET c.seq = $seq, c.part = $part, c.settings = $settings, " +
  "c.epoch = $epoch, c.recordHash = $recordHash, c.scope = $scope, c.anchor = $anchor, " +
  "c.anchorKey = $anchorKey RETURN count(c) AS count";
