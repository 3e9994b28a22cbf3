import type { StoredRecord } from "@annals/client";
import type { Chunk, FailureClass, Sink, SinkCursor } from "@annals/sinks";
import { fingerprint } from "@annals/sinks";
import { AUDIT_NAMES, DEGREE_BUDGET, planAuditRecord } from "./auditModel.ts";
import { ChunkWriter } from "./chunkWriter.ts";
import { readCursor } from "./cursorNode.ts";
import type { GraphDatabase, GraphParameters } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { inTransaction } from "./inTransaction.ts";
import type { GraphMutation } from "./mutation.ts";
import { weighMutation } from "./mutation.ts";
import { checkPlans } from "./planCheck.ts";
import type { RecordMapping } from "./recordMapping.ts";
import {
  CHANGE_BEFORE,
  CLOSE_CHANGES,
  createEdges,
  createNodes,
  FIRST_CHANGE,
  fillStubs,
  isGraphName,
  LOCK_CURSOR,
  MERGE_STUBS,
  mergeEdges,
  mergeNodes,
  READ_CURSOR,
  READ_HEADS,
  SCHEMA,
} from "./templates.ts";
import { WrittenKeys } from "./writtenKeys.ts";

/** Counts with every change of what is planned for a record, so that a graph of an older version is not continued. */
const PLAN_VERSION = 1;

export interface GraphSinkOptions {
  /** Of the cursor in the graph: one per sink that writes into it. */
  readonly id: string;
  /** The log's name: scopes keys that count by seq. */
  readonly log: string;
  /** Edges that a node may have; default 10 000, at least 16. */
  readonly degreeBudget?: number;
  /** Keys of written nodes and edges that are remembered; default 50 000. 0: none. */
  readonly writtenKeysMax?: number;
  /** Instead of the model of audit records. */
  readonly mapping?: RecordMapping;
  /** Connects. Called by `open`, and again after `close`. */
  readonly connect: () => Promise<GraphDatabase>;
}

export interface GraphSinkCounts {
  /** Nodes that were made because an edge named them before anything had made them. */
  readonly stubs: number;
  /** Nodes and edges that were not searched for, because they were known to be there. */
  readonly writtenHits: number;
  readonly writtenMisses: number;
}

/** A log as a graph, each chunk in one transaction with the cursor. One caller at a time. */
export class GraphSink implements Sink<GraphMutation> {
  readonly settings: string;
  readonly #options: GraphSinkOptions;
  readonly #degreeBudget: number;
  readonly #written: WrittenKeys;
  #database: GraphDatabase | undefined;
  #stubs = 0;

  constructor(options: GraphSinkOptions) {
    const { degreeBudget = DEGREE_BUDGET, writtenKeysMax = 50_000, mapping } = options;
    if (!Number.isSafeInteger(degreeBudget) || degreeBudget < 16) {
      throw new GraphError("ERR_GRAPH_OPTION", "settings", `degreeBudget ${degreeBudget} < 16`);
    }
    for (const name of [...(mapping?.labels ?? []), ...(mapping?.types ?? [])]) {
      if (isGraphName(name)) continue;
      const message = `${name} cannot be a label or an edge type`;
      throw new GraphError("ERR_GRAPH_OPTION", "settings", message);
    }
    this.#options = options;
    this.#degreeBudget = degreeBudget;
    this.#written = new WrittenKeys(writtenKeysMax);
    const decisive = [PLAN_VERSION, options.log, degreeBudget, mapping?.fingerprint ?? "audit"];
    this.settings = fingerprint(decisive);
  }

  plan(record: StoredRecord): readonly GraphMutation[] {
    const { log, mapping } = this.#options;
    if (mapping !== undefined) return mapping.plan(record);
    return planAuditRecord(record, { log, degreeBudget: this.#degreeBudget });
  }

  weigh(mutation: GraphMutation): number {
    return weighMutation(mutation);
  }

  async open(signal: AbortSignal): Promise<SinkCursor | undefined> {
    this.#written.clear();
    this.#database ??= await this.#options.connect();
    for (const indexed of SCHEMA) await this.#database.ensure(indexed, signal);
    await checkPlans(this.#database, this.#templates(), signal);
    return this.cursor(signal);
  }

  async apply(chunk: Chunk<GraphMutation>, signal: AbortSignal): Promise<void> {
    const database = this.#opened();
    try {
      const writer = await inTransaction(database, signal, async (transaction) => {
        const chunkWriter = new ChunkWriter(transaction, this.#written);
        await chunkWriter.write(this.#options.id, chunk);
        return chunkWriter;
      });
      this.#stubs += writer.stubs;
      this.#written.add(writer.shared);
    } catch (error) {
      this.#written.clear();
      throw error;
    }
  }

  async cursor(signal: AbortSignal): Promise<SinkCursor | undefined> {
    return inTransaction(this.#opened(), signal, (transaction) =>
      readCursor(transaction, READ_CURSOR, { id: this.#options.id }),
    );
  }

  classify(error: unknown): FailureClass {
    if (this.#database !== undefined) return this.#database.classify(error);
    return error instanceof GraphError ? error.failure : "unknown";
  }

  counts(): GraphSinkCounts {
    const { hits, misses } = this.#written;
    return { stubs: this.#stubs, writtenHits: hits, writtenMisses: misses };
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    this.#written.clear();
    await database?.close();
  }

  #opened(): GraphDatabase {
    if (this.#database === undefined) {
      throw new GraphError("ERR_GRAPH_CLOSED", "settings", "the graph sink is not open");
    }
    return this.#database;
  }

  /** Every statement that searches, with parameters of the right shape. */
  #templates(): ReadonlyMap<string, GraphParameters> {
    const { labels, types } = this.#options.mapping ?? AUDIT_NAMES;
    const rows: GraphParameters = { rows: [] };
    const cursor: GraphParameters = { id: "", touched: 0 };
    const place: GraphParameters = { property: "", from: "" };
    return new Map<string, GraphParameters>([
      ...labels.flatMap((label) =>
        [createNodes(label), mergeNodes(label), fillStubs(label)].map(
          (text) => [text, rows] as const,
        ),
      ),
      ...types.flatMap((type) =>
        [createEdges(type), mergeEdges(type)].map((text) => [text, rows] as const),
      ),
      [MERGE_STUBS, rows],
      [READ_HEADS, rows],
      [CLOSE_CHANGES, rows],
      [CHANGE_BEFORE, place],
      [FIRST_CHANGE, place],
      [LOCK_CURSOR, cursor],
      [READ_CURSOR, cursor],
    ]);
  }
}
