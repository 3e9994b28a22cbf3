import type { Chunk } from "@annals/sinks";
import { runCounted } from "./counted.ts";
import { assertAnchored, lockCursor, storeCursor } from "./cursorNode.ts";
import type { GraphTransaction } from "./graphDatabase.ts";
import { HistoryWriter } from "./historyWriter.ts";
import type { GraphMutation } from "./mutation.ts";
import type { EdgeStatement, NodeStatement } from "./statements.ts";
import { edgeRows, edgeTemplate, nodeRows, nodeTemplate, statementsOf } from "./statements.ts";
import { fillStubs, MERGE_STUBS } from "./templates.ts";
import type { WrittenKeys } from "./writtenKeys.ts";

/** Writes one chunk in one transaction: cursor checked, nodes, changes, edges, cursor stored. */
export class ChunkWriter {
  readonly #transaction: GraphTransaction;
  readonly #written: WrittenKeys;
  /** Nodes made because an edge named them. */
  stubs = 0;
  /** What other records name again, and what is in the database once this commits. */
  shared: ReadonlySet<string> = new Set();

  constructor(transaction: GraphTransaction, written: WrittenKeys) {
    this.#transaction = transaction;
    this.#written = written;
  }

  /** `where` is the place, for messages. */
  async write(id: string, where: string, chunk: Chunk<GraphMutation>): Promise<void> {
    const { expected, next, mutations } = chunk;
    const stored = await lockCursor(this.#transaction, id, expected, next);
    if (stored !== undefined && mutations.length > 0)
      await assertAnchored(this.#transaction, where, stored);
    await this.writeMutations(mutations);
    const anchorKey = anchorOf(mutations) ?? stored?.anchorKey ?? "";
    await storeCursor(this.#transaction, id, expected, { cursor: next, anchorKey });
  }

  async writeMutations(mutations: readonly GraphMutation[]): Promise<void> {
    const statements = statementsOf(mutations, this.#written);
    this.shared = statements.shared;
    for (const statement of statements.nodes) await this.#writeNodes(statement);
    await new HistoryWriter(this.#transaction).write(statements.patches);
    await this.#makeStubs(mutations, statements.edges);
    for (const edges of statements.edges) {
      await runCounted(this.#transaction, edgeTemplate(edges), edgeRows(edges.rows));
    }
  }

  async #writeNodes(statement: NodeStatement): Promise<void> {
    const rows = nodeRows(statement.rows);
    const answer = await runCounted(this.#transaction, nodeTemplate(statement), rows);
    if (statement.fresh || !(Number(answer["stubs"]) > 0)) return;
    await this.#transaction.run(fillStubs(statement.label), { rows });
  }

  /** An edge whose end nothing in this chunk makes, and that is not known to be there, gets a stub as its end unless there is a node. */
  async #makeStubs(
    mutations: readonly GraphMutation[],
    edges: readonly EdgeStatement[],
  ): Promise<void> {
    const made = new Set<string>();
    for (const mutation of mutations) if (mutation.kind !== "edge") made.add(mutation.key);
    const missing = new Map<string, number>();
    for (const { from, to, seq } of edges.flatMap(({ rows }) => rows)) {
      for (const key of [from, to]) {
        if (made.has(key) || missing.has(key) || this.#written.has(key)) continue;
        missing.set(key, seq);
      }
    }
    const keys = [...missing].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const rows = keys.map(([key, seq]) => ({ key, seq }));
    const answer = await runCounted(this.#transaction, MERGE_STUBS, rows);
    this.stubs += Number(answer["stubs"]);
  }
}

/** Key of a node that is there once these are written; undefined if no mutation makes one. */
function anchorOf(mutations: readonly GraphMutation[]): string | undefined {
  return mutations.findLast(({ kind }) => kind !== "edge")?.key;
}
