import type { PackValue } from "./packStream.ts";

export type BoltParameters = Readonly<Record<string, PackValue>>;

export interface BoltResult {
  readonly fields: readonly string[];
  readonly rows: readonly (readonly PackValue[])[];
  /** What comes with the end of the rows, such as `plan` and `stats`. */
  readonly summary: Readonly<Record<string, PackValue>>;
}

/** What a Bolt server stands before. Failures are `BoltFailure`. */
export interface BoltEngine {
  begin(): BoltEngineTransaction;
  /** In a transaction of its own. */
  run(cypher: string, parameters: BoltParameters): Promise<BoltResult>;
}

export interface BoltEngineTransaction {
  run(cypher: string, parameters: BoltParameters): Promise<BoltResult>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A failure with a code of Neo4j's, such as `Neo.ClientError.Statement.SyntaxError`. */
export class BoltFailure extends Error {
  override readonly name = "BoltFailure";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
