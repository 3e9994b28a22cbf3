import type { SinkCursor } from "@annals/sinks";
import { parted, sameCursor } from "@annals/sinks";
import type { GraphParameters, GraphRow, GraphTransaction } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { CREATE_CURSOR, FIND_NODE, LOCK_CURSOR, MOVE_CURSOR } from "./templates.ts";

/** A cursor as the graph keeps it. */
export interface StoredCursor {
  readonly cursor: SinkCursor;
  /** Of a node that was written last; empty before the first. As long as cursor and data are of one piece it is there. */
  readonly anchorKey: string;
}

export async function readCursor(
  transaction: GraphTransaction,
  cypher: string,
  parameters: GraphParameters,
): Promise<StoredCursor | undefined> {
  const [row] = await transaction.run(cypher, parameters);
  if (row === undefined) return undefined;
  return { cursor: cursorOfRow(row), anchorKey: String(row["anchorKey"]) };
}

function cursorOfRow(row: GraphRow): SinkCursor {
  const { seq, part, settings, epoch, recordHash, scope, anchor } = row;
  return {
    seq: Number(seq),
    part: Number(part),
    settings: String(settings),
    epoch: Number(epoch),
    recordHash: String(recordHash),
    scope: String(scope),
    anchor: Number(anchor),
  };
}

/** Rejects with a `SinkError` if the node is gone that was written last. */
export async function assertAnchored(
  transaction: GraphTransaction,
  where: string,
  { cursor, anchorKey }: StoredCursor,
): Promise<void> {
  if (anchorKey === "") return;
  const rows = await transaction.run(FIND_NODE, { key: anchorKey });
  if (rows.length > 0) return;
  throw parted(
    `${where}: the graph has not node ${anchorKey}, which this sink wrote last, up to record ${cursor.seq}`,
  );
}

/**
 * Refuses unless the stored cursor is the expected one, and holds its node until the end of the transaction. Resolves with what is stored.
 */
export async function lockCursor(
  transaction: GraphTransaction,
  id: string,
  expected: SinkCursor | undefined,
  next: SinkCursor,
): Promise<StoredCursor | undefined> {
  const parameters = { id, touched: next.epoch };
  const stored = await readCursor(transaction, LOCK_CURSOR, parameters);
  const cursor = stored?.cursor;
  if (sameCursor(cursor, expected) && (cursor === undefined || cursor.epoch <= next.epoch))
    return stored;
  throw fenced(id, cursor, expected);
}

function fenced(
  id: string,
  stored?: SinkCursor,
  expected?: SinkCursor,
  cause?: unknown,
): GraphError {
  const at = (cursor?: SinkCursor): string =>
    cursor === undefined ? "none" : `${cursor.seq}/${cursor.part}, epoch ${cursor.epoch}`;
  return new GraphError(
    "ERR_GRAPH_FENCED",
    "fenced",
    `cursor ${id}: stored ${at(stored)}, expected ${at(expected)}`,
    { details: { stored, expected }, cause },
  );
}

/** The first one makes the node. Should somebody else do so at the same time, the constraint refuses the later one. */
export async function storeCursor(
  transaction: GraphTransaction,
  id: string,
  expected: SinkCursor | undefined,
  { cursor: next, anchorKey }: StoredCursor,
): Promise<void> {
  const parameters = { id, ...next, anchorKey };
  if (expected !== undefined) {
    const [answer] = await transaction.run(MOVE_CURSOR, parameters);
    if (answer?.["count"] !== 1) throw fenced(id, undefined, expected);
    return;
  }
  try {
    await transaction.run(CREATE_CURSOR, parameters);
  } catch (cause) {
    if (!/constraint/i.test(String(cause))) throw cause;
    throw fenced(id, undefined, expected, cause);
  }
}
