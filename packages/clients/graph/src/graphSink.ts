import type { StoredRecord } from "@annals/client";
import type {
  Chunk,
  FailureClass,
  Held,
  Sink,
  SinkCounts,
  SinkCursor,
  Stretch,
} from "@annals/sinks";
import { fingerprint, SinkError } from "@annals/sinks";
import { AUDIT_NAMES, DEGREE_BUDGET, planAuditRecord } from "./auditModel.ts";
import { ChunkWriter } from "./chunkWriter.ts";
import { assertAnchored, readCursor, storeCursor } from "./cursorNode.ts";
import type { GraphDatabase, GraphParameters, GraphTransaction } from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { heldInGraph } from "./held.ts";
import { inTransaction } from "./inTransaction.ts";
import type { GraphMutation } from "./mutation.ts";
import { weighMutation } from "./mutation.ts";
import { checkPlans } from "./planCheck.ts";
import type { RecordMapping } from "./recordMapping.ts";
import { withoutRepeats } from "./repeats.ts";
import {
  CHANGE_BEFORE,
  CLOSE_CHANGES,
  createEdges,
  createNodes,
  FIND_NODE,
  FIRST_CHANGE,
  fillStubs,
  findEdges,
  isGraphName,
  LOCK_CURSOR,
  MERGE_STUBS,
  mergeEdges,
  mergeNodes,
  READ_CURSOR,
  READ_HEADS,
  READ_NODES,
  SCHEMA,
} from "./templates.ts";
import { WrittenKeys } from "./writtenKeys.ts";

/** Counts with every change of what is planned for a record, so that a graph of an older version is not continued. */
const PLAN_VERSION = 1;
/** Of the node that says whose graph it is; no sink has such a name. */
const OWNER_ID = "#cluster";

export interface GraphSinkOptions {
  /** Of the cursor in the graph: one per sink that writes into it. */
  readonly id: string;
  /** What it writes to, for people, without secrets; default `graph`. */
  readonly target?: string;
  /** Id of the cluster: keys count seqs of its logs, so a graph belongs to one cluster. Absent: nobody claims it, as in trials. */
  readonly cluster?: string;
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

/** A log as a graph, each chunk in one transaction with the cursor. One caller at a time. */
export class GraphSink implements Sink<GraphMutation> {
  readonly settings: string;
  readonly target: string;
  readonly probing = "rolledBack";
  readonly #options: GraphSinkOptions;
  readonly #degreeBudget: number;
  readonly #written: WrittenKeys;
  #database: GraphDatabase | undefined;
  #stubs = 0;
  #statements = 0;

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
    this.target = options.target ?? "graph";
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
    return this.#inTransaction(signal, async (transaction) => {
      await this.#claim(transaction);
      const stored = await readCursor(transaction, READ_CURSOR, { id: this.#options.id });
      if (stored !== undefined) await assertAnchored(transaction, this.target, stored);
      return stored?.cursor;
    });
  }

  async adopt(signal: AbortSignal): Promise<void> {
    this.#database ??= await this.#options.connect();
    for (const indexed of SCHEMA) await this.#database.ensure(indexed, signal);
    const { id } = this.#options;
    await this.#inTransaction(signal, async (transaction) => {
      const stored = await readCursor(transaction, READ_CURSOR, { id });
      if (stored === undefined) return;
      const { cursor } = stored;
      await storeCursor(transaction, id, cursor, {
        cursor: { ...cursor, anchor: 0 },
        anchorKey: "",
      });
    });
  }

  async apply(chunk: Chunk<GraphMutation>, signal: AbortSignal): Promise<void> {
    try {
      await this.#write(chunk, signal);
    } catch (error) {
      this.#written.clear();
      if (error instanceof SinkError || this.classify(error) !== "data") throw error;
      const left = await this.#inTransaction(signal, (transaction) =>
        withoutRepeats(transaction, this.target, chunk.mutations),
      );
      if (left === undefined) throw error;
      await this.#write({ ...chunk, mutations: left }, signal);
    }
  }

  async probe(mutations: readonly GraphMutation[], signal: AbortSignal): Promise<void> {
    const transaction = await this.#opened().begin(signal);
    try {
      await new ChunkWriter(transaction, new WrittenKeys(0)).writeMutations(mutations);
    } finally {
      await transaction.rollback();
    }
  }

  async cursor(signal: AbortSignal): Promise<SinkCursor | undefined> {
    return this.#inTransaction(signal, async (transaction) => {
      const stored = await readCursor(transaction, READ_CURSOR, { id: this.#options.id });
      return stored?.cursor;
    });
  }

  async #write(chunk: Chunk<GraphMutation>, signal: AbortSignal): Promise<void> {
    const writer = await this.#inTransaction(signal, async (transaction) => {
      const chunkWriter = new ChunkWriter(transaction, this.#written);
      await chunkWriter.write(this.#options.id, this.target, chunk);
      return chunkWriter;
    });
    this.#stubs += writer.stubs;
    this.#written.add(writer.shared);
  }

  #inTransaction<T>(
    signal: AbortSignal,
    work: (transaction: GraphTransaction) => Promise<T>,
  ): Promise<T> {
    return inTransaction(this.#opened(), signal, (transaction) =>
      work({
        run: (cypher, parameters) => {
          this.#statements++;
          return transaction.run(cypher, parameters);
        },
        commit: () => transaction.commit(),
        rollback: () => transaction.rollback(),
      }),
    );
  }

  /** The first cluster that writes into a graph has it; another one is refused by name. */
  async #claim(transaction: GraphTransaction): Promise<void> {
    const { cluster } = this.#options;
    if (cluster === undefined) return;
    const owner = await readCursor(transaction, READ_CURSOR, { id: OWNER_ID });
    if (owner === undefined) {
      const cursor = { seq: 0, part: 0, settings: "", epoch: 0, recordHash: "", anchor: 0 };
      await storeCursor(transaction, OWNER_ID, undefined, {
        cursor: { ...cursor, scope: cluster },
        anchorKey: "",
      });
    } else if (owner.cursor.scope !== cluster)
      throw new SinkError(
        "ERR_SINK_SCOPE",
        `${this.target} has records of cluster ${owner.cursor.scope}, and this sink writes those of cluster ${cluster}: ` +
          "give it a graph of its own",
      );
  }

  classify(error: unknown): FailureClass {
    if (this.#database !== undefined) return this.#database.classify(error);
    return error instanceof GraphError ? error.failure : "unknown";
  }

  async held({ records }: Stretch, signal: AbortSignal): Promise<readonly Held[]> {
    this.#database ??= await this.#options.connect();
    const plans = records
      .map((record) => ({ record, mutations: this.plan(record) }))
      .filter(({ mutations }) => mutations.length > 0);
    return this.#inTransaction(signal, (transaction) => heldInGraph(transaction, plans));
  }

  counts(): SinkCounts {
    const { hits, misses } = this.#written;
    const statements = this.#statements;
    return { statements, stubs: this.#stubs, cacheHits: hits, cacheMisses: misses };
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
    const key: GraphParameters = { key: "" };
    const place: GraphParameters = { property: "", from: "" };
    return new Map<string, GraphParameters>([
      ...labels.flatMap((label) =>
        [createNodes(label), mergeNodes(label), fillStubs(label)].map(
          (text) => [text, rows] as const,
        ),
      ),
      ...types.flatMap((type) =>
        [createEdges(type), mergeEdges(type), findEdges(type)].map((text) => [text, rows] as const),
      ),
      [MERGE_STUBS, rows],
      [READ_HEADS, rows],
      [READ_NODES, rows],
      [FIND_NODE, key],
      [CLOSE_CHANGES, rows],
      [CHANGE_BEFORE, place],
      [FIRST_CHANGE, place],
      [LOCK_CURSOR, cursor],
      [READ_CURSOR, cursor],
    ]);
  }
}
