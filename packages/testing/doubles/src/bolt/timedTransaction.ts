import type { BoltEngineTransaction, BoltParameters, BoltResult } from "./boltEngine.ts";
import { BoltFailure } from "./boltEngine.ts";

/**
 * Ends a transaction that its client leaves open for longer than the client itself has said, as a server does: what it locked is free then.
 */
export class TimedTransaction implements BoltEngineTransaction {
  readonly #inner: BoltEngineTransaction;
  readonly #timer: NodeJS.Timeout;
  #state: "open" | "over" | "ended" = "open";
  #busy = false;
  #isDue = false;

  constructor(inner: BoltEngineTransaction, timeoutMs: number) {
    this.#inner = inner;
    this.#timer = setTimeout(() => void this.#expire(), timeoutMs);
  }

  run(cypher: string, parameters: BoltParameters): Promise<BoltResult> {
    return this.#while(() => this.#inner.run(cypher, parameters));
  }

  async commit(): Promise<void> {
    await this.#while(async () => {
      await this.#inner.commit();
      this.#end("ended");
    });
  }

  async rollback(): Promise<void> {
    if (this.#state !== "open") return;
    this.#end("ended");
    await this.#inner.rollback();
  }

  /** What is under way is waited for. */
  async #while<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state !== "open") {
      const code = "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration";
      throw new BoltFailure(code, "the transaction was open for too long");
    }
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
      if (this.#isDue) await this.#expire();
    }
  }

  async #expire(): Promise<void> {
    this.#isDue = true;
    if (this.#busy || this.#state !== "open") return;
    this.#end("over");
    await this.#inner.rollback();
  }

  #end(state: "over" | "ended"): void {
    this.#state = state;
    clearTimeout(this.#timer);
  }
}
