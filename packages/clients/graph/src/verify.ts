import { randomUUID } from "node:crypto";
import type { StoredRecord } from "@annals/client";
import type { Chunk, SinkCursor } from "@annals/sinks";
import type { GraphDatabase } from "./graphDatabase.ts";
import { GraphSink } from "./graphSink.ts";
import { inTransaction } from "./inTransaction.ts";
import type { GraphMutation } from "./mutation.ts";
import { SCHEMA } from "./templates.ts";

export interface VerifyStep {
  readonly name: string;
  readonly ok: boolean;
  readonly ms: number;
  /** What was seen, or what went wrong. */
  readonly detail: string;
}

/**
 * Proves that a graph database does what the sink relies on, and takes away again what it wrote, but for constraints and indexes. Each step
 * is told as it ends; after one that fails only the cleaning follows.
 */
export async function verifyGraph(
  database: GraphDatabase,
  signal: AbortSignal,
  onStep: (step: VerifyStep) => void = () => undefined,
): Promise<readonly VerifyStep[]> {
  const verifier = new Verifier(database, signal);
  const steps: VerifyStep[] = [];
  const step = async (name: string, work: () => Promise<string>): Promise<boolean> => {
    const started = performance.now();
    const outcome = await work().then(
      (detail) => ({ ok: true, detail }),
      (error: unknown) => ({ ok: false, detail: wordsOf(database, error) }),
    );
    const done = { name, ms: Math.round(performance.now() - started), ...outcome };
    steps.push(done);
    onStep(done);
    return done.ok;
  };
  const all =
    (await step("constraints and indexes", () => verifier.schema())) &&
    (await step("no statement scans", () => verifier.plans())) &&
    (await step("a chunk is written", () => verifier.write())) &&
    (await step("a repeat is refused", () => verifier.repeat())) &&
    (await step("a rollback leaves nothing", () => verifier.rollback()));
  if (all) await step("two writers do not lose a write", () => verifier.conflict());
  await step("cleaned up", () => verifier.clean());
  return steps;
}

function wordsOf(database: GraphDatabase, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `${database.classify(error)}: ${text}`;
}

class Verifier {
  readonly #database: GraphDatabase;
  readonly #signal: AbortSignal;
  /** Nobody else's: of the cursor, and in every key. */
  readonly #id = `verify-${randomUUID()}`;
  readonly #sink: GraphSink;
  readonly #chunk: Chunk<GraphMutation>;

  constructor(database: GraphDatabase, signal: AbortSignal) {
    this.#database = database;
    this.#signal = signal;
    const connect = (): Promise<GraphDatabase> => Promise.resolve(database);
    this.#sink = new GraphSink({ id: this.#id, log: this.#id, connect });
    const mutations = this.#sink.plan(sample(this.#id));
    const next = this.#cursor(1);
    this.#chunk = { expected: undefined, next, mutations, records: 1, bytes: 0 };
  }

  async schema(): Promise<string> {
    for (const indexed of SCHEMA) await this.#database.ensure(indexed, this.#signal);
    return `${SCHEMA.filter(({ unique }) => unique).length} constraints, ${SCHEMA.length} indexes`;
  }

  async plans(): Promise<string> {
    await this.#sink.open(this.#signal);
    return "every search has an index";
  }

  async write(): Promise<string> {
    await this.#sink.apply(this.#chunk, this.#signal);
    const stored = await this.#sink.cursor(this.#signal);
    if (stored?.seq !== 1) throw new Error(`the stored cursor is at ${String(stored?.seq)}`);
    return `${this.#chunk.mutations.length} nodes, changes and edges`;
  }

  async repeat(): Promise<string> {
    const failure = await this.#sink.apply(this.#chunk, this.#signal).catch((e: unknown) => e);
    const found = this.#sink.classify(failure);
    if (found !== "fenced") throw new Error(`it was not refused but ${found}`);
    return "by the stored cursor";
  }

  async rollback(): Promise<string> {
    const transaction = await this.#database.begin(this.#signal);
    await transaction.run("MATCH (c:SinkCursor {id: $id}) SET c.seq = 99 RETURN c.seq AS seq", {
      id: this.#id,
    });
    await transaction.rollback();
    const stored = await this.#sink.cursor(this.#signal);
    if (stored?.seq !== 1) throw new Error(`the cursor is at ${String(stored?.seq)} after it`);
    return "the cursor is where it was";
  }

  /** Two transactions move one cursor. The second may wait or fail, but must not go by what it read before the first committed. */
  async conflict(): Promise<string> {
    const second = { ...this.#chunk, expected: this.#cursor(1), mutations: [] };
    const rival = new GraphSink({
      id: this.#id,
      log: this.#id,
      connect: () => Promise.resolve(this.#database),
    });
    await rival.open(this.#signal);
    const one = this.#sink.apply({ ...second, next: this.#cursor(2) }, this.#signal);
    const two = rival.apply({ ...second, next: this.#cursor(3) }, this.#signal);
    const outcomes = await Promise.allSettled([one, two]);
    const classes = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "ok" : this.#database.classify(outcome.reason),
    );
    const winners = classes.filter((found) => found === "ok").length;
    if (winners !== 1)
      throw new Error(`of two writers ${winners} succeeded: ${classes.join(", ")}`);
    return `one wrote, the other one was refused (${classes.find((c) => c !== "ok") ?? ""})`;
  }

  async clean(): Promise<string> {
    const keys = this.#chunk.mutations.flatMap((m) => (m.kind === "edge" ? [] : [{ key: m.key }]));
    await inTransaction(this.#database, this.#signal, async (transaction) => {
      await transaction.run("UNWIND $rows AS row MATCH (n:Entity {key: row.key}) DETACH DELETE n", {
        rows: keys,
      });
      await transaction.run("MATCH (c:SinkCursor {id: $id}) DETACH DELETE c", { id: this.#id });
      const left = await transaction.run(
        "UNWIND $rows AS row MATCH (n:Entity {key: row.key}) RETURN n.key AS key",
        { rows: keys },
      );
      if (left.length > 0) throw new Error(`${left.length} nodes are left`);
    });
    return `${keys.length} nodes and the cursor are gone`;
  }

  #cursor(seq: number): SinkCursor {
    const { settings } = this.#sink;
    const of = { settings, scope: this.#id, anchor: 0 };
    return { seq, part: 0, epoch: 1, recordHash: "verify", ...of };
  }
}

/** In a tenant of its own, so that no actor or resource of it is somebody's. */
function sample(tenant: string): StoredRecord {
  return {
    seq: 1,
    recordedAt: "2026-01-01T00:00:00.000Z",
    tenant,
    actor: { type: "annals", id: "verify" },
    action: "verify",
    targets: [{ type: "annals", id: "verify" }],
    changes: [{ path: "state", before: "a", after: "b" }],
  };
}
