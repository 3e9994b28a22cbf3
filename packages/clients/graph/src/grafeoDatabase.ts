import type { GrafeoDB, Transaction } from "@grafeo-db/js";
import type { FailureClass } from "@annals/sinks";
import { classifyGrafeo } from "./classify.ts";
import type {
  GraphDatabase,
  GraphParameters,
  GraphRow,
  GraphTransaction,
  PlanStep,
} from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { stepsOfText } from "./planText.ts";
import type { IndexedProperty } from "./templates.ts";

/** The embedded graph database. One process may have a path open; the whole graph is in memory. */
export class GrafeoDatabase implements GraphDatabase {
  readonly name: string;
  readonly #database: GrafeoDB;
  #closed = false;

  private constructor(name: string, database: GrafeoDB) {
    this.name = name;
    this.#database = database;
  }

  /** Opens the file, or makes it; without a path the graph lives as long as this object. */
  static async open(path?: string): Promise<GrafeoDatabase> {
    const engine = await loadEngine();
    const name = `Grafeo ${path ?? "in memory"}`;
    try {
      return new GrafeoDatabase(name, engine.create(path ?? null));
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new GraphError("ERR_GRAPH_OPEN_FAILED", "settings", `${name}: ${text}`, { cause });
    }
  }

  begin(signal: AbortSignal): Promise<GraphTransaction> {
    signal.throwIfAborted();
    return Promise.resolve(new GrafeoTransaction(this.#database.beginTransaction(), signal));
  }

  /** A constraint alone is checked by reading all nodes of the label, so each gets an index beside it. */
  async ensure({ name, label, property, unique }: IndexedProperty): Promise<void> {
    if (unique) {
      await this.#database.executeCypher(
        `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE n.${property} IS UNIQUE`,
      );
    }
    await this.#database.executeCypher(
      `CREATE INDEX ${name}_index IF NOT EXISTS FOR (n:${label}) ON (n.${property})`,
    );
  }

  async explain(cypher: string, parameters: GraphParameters): Promise<readonly PlanStep[]> {
    const result = await this.#database.executeCypher(`EXPLAIN ${cypher}`, parameters);
    return result
      .toArray()
      .flatMap(({ plan }) => (typeof plan === "string" ? stepsOfText(plan) : []));
  }

  classify(error: unknown): FailureClass {
    return classifyGrafeo(error);
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#database.close();
    }
    return Promise.resolve();
  }
}

class GrafeoTransaction implements GraphTransaction {
  readonly #transaction: Transaction;
  readonly #signal: AbortSignal;

  constructor(transaction: Transaction, signal: AbortSignal) {
    this.#transaction = transaction;
    this.#signal = signal;
  }

  async run(cypher: string, parameters: GraphParameters): Promise<readonly GraphRow[]> {
    this.#signal.throwIfAborted();
    const result = await this.#transaction.executeCypher(cypher, parameters);
    return result.toArray();
  }

  // oxlint-disable-next-line typescript/require-await
  async commit(): Promise<void> {
    this.#signal.throwIfAborted();
    this.#transaction.commit();
  }

  rollback(): Promise<void> {
    if (this.#transaction.isActive) this.#transaction.rollback();
    return Promise.resolve();
  }
}

/** The package is CommonJS, so only its default export is sure to be there. */
async function loadEngine(): Promise<typeof GrafeoDB> {
  try {
    const { default: grafeo } = await import("@grafeo-db/js");
    return grafeo.GrafeoDB;
  } catch (cause) {
    throw new GraphError(
      "ERR_GRAPH_ENGINE_MISSING",
      "settings",
      "the embedded graph needs an optional package: npm install @grafeo-db/js@0.6.0",
      { cause },
    );
  }
}
