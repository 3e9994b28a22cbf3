import type { GrafeoDB, QueryResult, Transaction } from "@grafeo-db/js";
import type {
  BoltEngine,
  BoltEngineTransaction,
  BoltParameters,
  BoltResult,
} from "./boltEngine.ts";
import { BoltFailure } from "./boltEngine.ts";
import type { PackValue } from "./packStream.ts";

const CONSTRAINT = /^CREATE CONSTRAINT (\w+) .*FOR \((\w+):(\w+)\) REQUIRE \2\.(\w+) IS UNIQUE$/;

/** Grafeo, made to behave as Neo4j does: constraints have indexes, plans are trees, failures have its codes. */
export class GrafeoEngine implements BoltEngine {
  readonly #database: GrafeoDB;

  private constructor(database: GrafeoDB) {
    this.#database = database;
  }

  /** In a file, or in memory. Loads the engine only now: a package that may be missing. */
  static async open(path?: string): Promise<GrafeoEngine> {
    const { default: grafeo } = await import("@grafeo-db/js");
    return new GrafeoEngine(grafeo.GrafeoDB.create(path ?? null));
  }

  begin(): BoltEngineTransaction {
    return new GrafeoEngineTransaction(this.#database.beginTransaction());
  }

  async run(cypher: string, parameters: BoltParameters): Promise<BoltResult> {
    if (cypher.startsWith("CALL db.awaitIndexes")) return { fields: [], rows: [], summary: {} };
    const [, name, , label, property] = CONSTRAINT.exec(cypher) ?? [];
    const result = await answered(this.#database.executeCypher(cypher, parameters));
    if (name !== undefined) {
      const index = `CREATE INDEX ${name}_index IF NOT EXISTS FOR (n:${label}) ON (n.${property})`;
      await answered(this.#database.executeCypher(index));
    }
    return cypher.startsWith("EXPLAIN ") ? planOf(result) : resultOf(result);
  }

  close(): void {
    this.#database.close();
  }
}

class GrafeoEngineTransaction implements BoltEngineTransaction {
  readonly #transaction: Transaction;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  async run(cypher: string, parameters: BoltParameters): Promise<BoltResult> {
    return resultOf(await answered(this.#transaction.executeCypher(cypher, parameters)));
  }

  async commit(): Promise<void> {
    await answered(Promise.resolve().then(() => this.#transaction.commit()));
  }

  rollback(): Promise<void> {
    if (this.#transaction.isActive) this.#transaction.rollback();
    return Promise.resolve();
  }
}

function resultOf(result: QueryResult): BoltResult {
  const { nodesCreated, edgesCreated, propertiesSet } = result.counters;
  const stats = {
    "nodes-created": nodesCreated,
    "relationships-created": edgesCreated,
    "properties-set": propertiesSet,
  };
  // What comes back are values of statements of ours, none of them a node.
  const rows = result.rows() as readonly (readonly PackValue[])[];
  return { fields: result.columns, rows, summary: { stats } };
}

/** The lines of a plan's text as a chain of steps. */
function planOf(result: QueryResult): BoltResult {
  const text = result.scalar();
  if (typeof text !== "string") throw new Error("a plan that is no text");
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const plan = lines.reduceRight<PackValue>((child, line) => {
    const [operatorType = "", ...details] = line.trim().split(" ");
    const children = child === null ? [] : [child];
    return { operatorType, args: { Details: details.join(" ") }, identifiers: [], children };
  }, null);
  return { fields: [], rows: [], summary: { plan } };
}

const CODES: readonly (readonly [RegExp, string])[] = [
  [/Constraint violation/, "Neo.ClientError.Schema.ConstraintValidationFailed"],
  [/^40/, "Neo.TransientError.Transaction.DeadlockDetected"],
  [/^22/, "Neo.ClientError.Statement.ArithmeticError"],
  [/^42001/, "Neo.ClientError.Statement.SyntaxError"],
  [/^42/, "Neo.ClientError.Statement.SemanticError"],
  [/GRAFEO-T/, "Neo.TransientError.Transaction.DeadlockDetected"],
];

async function answered<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const status = "gqlStatus" in error ? String(error.gqlStatus) : "";
    const [, code = "Neo.DatabaseError.General.UnknownError"] =
      CODES.find(([pattern]) => pattern.test(status) || pattern.test(error.message)) ?? [];
    throw new BoltFailure(code, error.message);
  }
}
