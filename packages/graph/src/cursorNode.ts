import type { SinkCursor } from "@annals/sinks";
import { sameCursor } from "@annals/sinks";
import type { GraphParameters, GraphRow, GraphTransaction } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { CREATE_CURSOR, LOCK_CURSOR, MOVE_CURSOR } from "./templates.ts";

export async function readCursor(
  transaction: GraphTransaction,
  cypher: string,
  parameters: GraphParameters,
): Promise<SinkCursor | undefined> {
  const [row] = await transaction.run(cypher, parameters);
  return row === undefined ? undefined : cursorOfRow(row);
}

function cursorOfRow({ seq, part, settings, epoch, recordHash }: GraphRow): SinkCursor {
  return {
    seq: Number(seq),
    part: Number(part),
    settings: String(settings),
    epoch: Number(epoch),
    recordHash: String(recordHash),
  };
}

/** Refuses unless the stored cursor is the expected one, and holds its node until the end of the transaction. */
export async function lockCursor(
  transaction: GraphTransaction,
  id: string,
  expected: SinkCursor | undefined,
  next: SinkCursor,
): Promise<void> {
  const parameters = { id, touched: next.epoch };
  const stored = await readCursor(transaction, LOCK_CURSOR, parameters);
  if (sameCursor(stored, expected) && (stored === undefined || stored.epoch <= next.epoch)) return;
  throw fenced(id, stored, expected);
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
  next: SinkCursor,
): Promise<void> {
  const { seq, part, settings, epoch, recordHash } = next;
  const parameters = { id, seq, part, settings, epoch, recordHash };
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
