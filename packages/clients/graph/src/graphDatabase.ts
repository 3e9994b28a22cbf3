import type { FailureClass } from "@annals/sinks";
import type { IndexedProperty } from "./templates.ts";

export type GraphParameter =
  | string
  | number
  | boolean
  | null
  | readonly GraphParameter[]
  | { readonly [name: string]: GraphParameter };

export type GraphParameters = Readonly<Record<string, GraphParameter>>;

/** By the names of `RETURN`. Integers are numbers; what is absent is null. */
export type GraphRow = Readonly<Record<string, unknown>>;

/** One step of how a database would run a statement; the outermost first. */
export interface PlanStep {
  readonly operator: string;
  readonly detail: string;
}

/** What the graph sink needs of a database that speaks Cypher. One caller at a time per transaction. */
export interface GraphDatabase {
  /** For messages: the engine and where it is. */
  readonly name: string;
  begin(signal: AbortSignal): Promise<GraphTransaction>;
  /** Makes the constraint or index unless it is there, and waits until it can be used. */
  ensure(indexed: IndexedProperty, signal: AbortSignal): Promise<void>;
  explain(
    cypher: string,
    parameters: GraphParameters,
    signal: AbortSignal,
  ): Promise<readonly PlanStep[]>;
  /** What a failure of any method above, or of a transaction, means. */
  classify(error: unknown): FailureClass;
  close(): Promise<void>;
}

export interface GraphTransaction {
  run(cypher: string, parameters: GraphParameters): Promise<readonly GraphRow[]>;
  /** When it rejects it is not known whether it took effect. */
  commit(): Promise<void>;
  /** Never rejects: a transaction that cannot be rolled back ends with its connection. */
  rollback(): Promise<void>;
}
