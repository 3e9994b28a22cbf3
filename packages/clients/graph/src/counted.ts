import type { GraphParameter, GraphRow, GraphTransaction } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";

const NOTHING: GraphRow = { count: 0, stubs: 0 };

/** Runs a template that answers with `count`, which must be the number of rows: none may be lost because it found no end. */
export async function runCounted(
  transaction: GraphTransaction,
  cypher: string,
  rows: readonly GraphParameter[],
): Promise<GraphRow> {
  if (rows.length === 0) return NOTHING;
  const [answer = NOTHING] = await transaction.run(cypher, { rows });
  if (answer["count"] === rows.length) return answer;
  throw new GraphError(
    "ERR_GRAPH_ROWS_LOST",
    "unknown",
    `${String(answer["count"])} of ${rows.length} rows took effect in: ${cypher}`,
    { details: { sent: rows.length, counted: answer["count"] } },
  );
}
