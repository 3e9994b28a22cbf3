import type { FailureClass } from "@annals/sinks";
import type { Driver, ManagedTransaction, Plan, Session, Transaction } from "neo4j-driver";
import { classifyBolt } from "./classify.ts";
import type {
  GraphDatabase,
  GraphParameter,
  GraphParameters,
  GraphRow,
  GraphTransaction,
  PlanStep,
} from "./graphDatabase.ts";
import { GraphError } from "./graphError.ts";
import { stepsOfText } from "./planText.ts";
import type { IndexedProperty } from "./templates.ts";

export interface BoltOptions {
  /** `bolt://…` for one server, `neo4j://…` for a cluster; `+s` for TLS. */
  readonly url: string;
  /** None: the server asks for no credentials. */
  readonly user?: string;
  readonly password?: string;
  /** The server's default one if absent. */
  readonly database?: string;
  /** After which the server ends a transaction, in ms; default 30 000. A call waits 5 s longer. */
  readonly transactionTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
const GRACE_MS = 5_000;
const INDEX_TIMEOUT_MS = 60_000;

/**
 * A server that speaks Bolt. Transactions are explicit and are not repeated here: the driver's own repetition hides attempts, begins with a
 * second of waiting, and repeats what is too large as it is.
 */
export class BoltDatabase implements GraphDatabase {
  readonly name: string;
  readonly #options: BoltOptions;
  readonly #connect: () => Driver;
  readonly #timeoutMs: number;
  #driver: Driver | undefined;
  #isMemgraph: boolean | undefined;
  #closed = false;

  private constructor(options: BoltOptions, connect: () => Driver) {
    this.name = options.url;
    this.#options = options;
    this.#connect = connect;
    this.#timeoutMs = options.transactionTimeoutMs ?? 30_000;
  }

  /** Loads the driver. The server is contacted by the first call. */
  static async open(options: BoltOptions): Promise<BoltDatabase> {
    const { default: neo4j } = await import("neo4j-driver");
    const { url, user, password } = options;
    const auth = user === undefined ? undefined : neo4j.auth.basic(user, password ?? "");
    const connect = (): Driver =>
      neo4j.driver(url, auth, {
        disableLosslessIntegers: true,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        connectionAcquisitionTimeout: CONNECT_TIMEOUT_MS + GRACE_MS,
        maxConnectionPoolSize: 4,
        userAgent: "annals",
      });
    try {
      const database = new BoltDatabase(options, connect);
      database.#driver = connect();
      return database;
    } catch (cause) {
      throw new GraphError("ERR_GRAPH_OPTION", "settings", `${url}: ${String(cause)}`, { cause });
    }
  }

  async begin(signal: AbortSignal): Promise<GraphTransaction> {
    const session = this.#session();
    const within = <T>(promise: Promise<T>): Promise<T> =>
      this.#within(promise, signal, this.#timeoutMs + GRACE_MS);
    try {
      const transaction = await within(begun(session, this.#timeoutMs));
      return new BoltTransaction(session, transaction, within);
    } catch (error) {
      this.#letGo(session.close());
      throw error;
    }
  }

  async ensure(indexed: IndexedProperty, signal: AbortSignal): Promise<void> {
    this.#isMemgraph ??= await this.#detectMemgraph(signal);
    if (this.#isMemgraph) {
      for (const text of memgraphSchema(indexed)) await this.#autoCommit(text, {}, signal);
      return;
    }
    await this.#autoCommit(neo4jSchema(indexed), {}, signal);
    if (!indexed.unique) await this.#autoCommit("CALL db.awaitIndexes(60)", {}, signal);
  }

  async explain(
    cypher: string,
    parameters: GraphParameters,
    signal: AbortSignal,
  ): Promise<readonly PlanStep[]> {
    const { plan, rows } = await this.#autoCommit(`EXPLAIN ${cypher}`, parameters, signal);
    if (plan !== undefined) return stepsOfPlan(plan);
    const texts = rows.flatMap((row) => Object.values(row)).map(String);
    return texts.flatMap(stepsOfText);
  }

  classify(error: unknown): FailureClass {
    return classifyBolt(error);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.close();
  }

  #session(): Session {
    if (this.#closed) throw new GraphError("ERR_GRAPH_CLOSED", "settings", `${this.name}: closed`);
    this.#driver ??= this.#connect();
    const { database } = this.#options;
    return this.#driver.session(database === undefined ? {} : { database });
  }

  async #detectMemgraph(signal: AbortSignal): Promise<boolean> {
    const session = this.#session();
    try {
      const result = await this.#within(session.run("RETURN 1 AS one"), signal, INDEX_TIMEOUT_MS);
      return /memgraph/i.test(result.summary.server.agent ?? "");
    } finally {
      this.#letGo(session.close());
    }
  }

  async #autoCommit(
    cypher: string,
    parameters: GraphParameters,
    signal: AbortSignal,
  ): Promise<{ readonly plan: Plan | undefined; readonly rows: readonly GraphRow[] }> {
    const session = this.#session();
    try {
      const running = session.run(cypher, boltParameters(parameters));
      const result = await this.#within(running, signal, INDEX_TIMEOUT_MS + GRACE_MS);
      const { plan } = result.summary;
      return {
        plan: plan === false ? undefined : plan,
        rows: result.records.map((record) => record.toObject()),
      };
    } finally {
      this.#letGo(session.close());
    }
  }

  /**
   * Settles with the promise, or when the signal or the time ends it. Then whatever hangs is on a connection that may never answer, so all
   * of them are thrown away; the next call connects anew.
   */
  async #within<T>(promise: Promise<T>, signal: AbortSignal, ms: number): Promise<T> {
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const message = `${this.name}: no answer in ${ms} ms`;
      reject(new GraphError("ERR_GRAPH_TIMEOUT", "transient", message));
    }, ms);
    const onAbort = (): void => {
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    const settled = promise.then(
      () => true,
      () => true,
    );
    try {
      return await Promise.race([promise, ended]);
    } catch (error) {
      if (!(await Promise.race([settled, Promise.resolve(false)]))) this.#dropDriver();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #dropDriver(): void {
    const driver = this.#driver;
    this.#driver = undefined;
    if (driver !== undefined) this.#letGo(driver.close());
  }

  /** What it closes is of no use to anybody any more, so its failure tells nothing. */
  #letGo(closing: Promise<void>): void {
    closing.catch(() => undefined);
  }
}

class BoltTransaction implements GraphTransaction {
  readonly #session: Session;
  readonly #transaction: Transaction;
  readonly #within: <T>(promise: Promise<T>) => Promise<T>;

  constructor(
    session: Session,
    transaction: Transaction,
    within: <T>(promise: Promise<T>) => Promise<T>,
  ) {
    this.#session = session;
    this.#transaction = transaction;
    this.#within = within;
  }

  async run(cypher: string, parameters: GraphParameters): Promise<readonly GraphRow[]> {
    const running: ReturnType<ManagedTransaction["run"]> = this.#transaction.run(
      cypher,
      boltParameters(parameters),
    );
    const result = await this.#within(running);
    return result.records.map((record) => record.toObject());
  }

  async commit(): Promise<void> {
    await this.#within(this.#transaction.commit());
    await this.#within(this.#session.close());
  }

  async rollback(): Promise<void> {
    try {
      await this.#within(this.#transaction.close());
      await this.#within(this.#session.close());
    } catch {
      // The server rolls back what loses its connection; the failure that led here is the one to report.
    }
  }
}

async function begun(session: Session, timeout: number): Promise<Transaction> {
  return await session.beginTransaction({ timeout });
}

function neo4jSchema({ name, label, property, unique }: IndexedProperty): string {
  return unique
    ? `CREATE CONSTRAINT ${name} IF NOT EXISTS FOR (n:${label}) REQUIRE n.${property} IS UNIQUE`
    : `CREATE INDEX ${name} IF NOT EXISTS FOR (n:${label}) ON (n.${property})`;
}

/** Memgraph knows no names of indexes, and repeats do nothing there. A constraint is no index. */
function memgraphSchema({ label, property, unique }: IndexedProperty): readonly string[] {
  const index = `CREATE INDEX ON :${label}(${property})`;
  const constraint = `CREATE CONSTRAINT ON (n:${label}) ASSERT n.${property} IS UNIQUE`;
  return unique ? [index, constraint] : [index];
}

function stepsOfPlan(plan: Plan): readonly PlanStep[] {
  const [operator = ""] = plan.operatorType.split("@");
  const detail = JSON.stringify(plan.arguments);
  return [{ operator, detail }, ...plan.children.flatMap(stepsOfPlan)];
}

type BoltValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly BoltValue[]
  | { readonly [name: string]: BoltValue };

/** Bolt has integers and floats, and the driver takes every number for a float: whole ones are given as integers. */
function boltParameters(parameters: GraphParameters): Record<string, BoltValue> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, boltValue(value)]),
  );
}

function boltValue(value: GraphParameter): BoltValue {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map(boltValue);
  return boltParameters(value);
}

function isList(value: GraphParameter): value is readonly GraphParameter[] {
  return Array.isArray(value);
}
