/**
 * What the sink costs beside its engine: `pnpm build && pnpm exec node packages/graph/bench/rows.ts [RECORDS]`. The sink writes chunks into
 * an embedded graph; the statements that it ran are then run again on an empty graph by the bare engine, one transaction a chunk, nothing
 * else. Five rounds of both, in turns; prints one JSON line with the rows per second of each and their ratio, by the medians.
 */
import type { GraphDatabase, GraphParameters, GraphRow, GraphTransaction } from "@annals/graph";
import { GrafeoDatabase, GraphSink } from "@annals/graph";
import grafeo from "@grafeo-db/js";
import { chunksOf, NEVER, percentile, recordsOf } from "./chunks.ts";

const RECORDS = Number(process.argv[2] ?? 20_000);
const SHAPE = { actors: 1000, resources: 5000, changeEvery: 10 };
const ROUNDS = 5;

type Statement = readonly [cypher: string, parameters: GraphParameters];

/** Keeps what is run, by transaction. */
class Recording implements GraphTransaction {
  readonly statements: Statement[] = [];
  readonly #inner: GraphTransaction;

  constructor(inner: GraphTransaction) {
    this.#inner = inner;
  }

  run(cypher: string, parameters: GraphParameters): Promise<readonly GraphRow[]> {
    this.statements.push([cypher, parameters]);
    return this.#inner.run(cypher, parameters);
  }

  commit(): Promise<void> {
    return this.#inner.commit();
  }

  rollback(): Promise<void> {
    return this.#inner.rollback();
  }
}

async function runSink(recorded?: Statement[][]): Promise<number> {
  const database = await GrafeoDatabase.open();
  const begin = async (signal: AbortSignal): Promise<GraphTransaction> => {
    const transaction = new Recording(await database.begin(signal));
    recorded?.push(transaction.statements);
    return transaction;
  };
  const watched: GraphDatabase = {
    name: database.name,
    begin: recorded === undefined ? database.begin.bind(database) : begin,
    ensure: database.ensure.bind(database),
    explain: database.explain.bind(database),
    classify: database.classify.bind(database),
    close: database.close.bind(database),
  };
  const connect = (): Promise<GraphDatabase> => Promise.resolve(watched);
  const sink = new GraphSink({ id: "bench", log: "bench", connect });
  await sink.open(NEVER);
  if (recorded !== undefined) recorded.length = 0;
  const started = performance.now();
  for (const chunk of chunksOf(sink, recordsOf(1, RECORDS, SHAPE))) await sink.apply(chunk, NEVER);
  const ms = performance.now() - started;
  await sink.close();
  return ms;
}

async function runBare(transactions: readonly (readonly Statement[])[]): Promise<number> {
  const database = grafeo.GrafeoDB.create();
  for (const label of ["Entity.key", "SinkCursor.id", "Change.head", "Change.property"]) {
    const [name, property] = label.split(".");
    const unique = `CREATE CONSTRAINT FOR (n:${name}) REQUIRE n.${property} IS UNIQUE`;
    if (property !== "property") await database.executeCypher(unique);
    await database.executeCypher(`CREATE INDEX FOR (n:${name}) ON (n.${property})`);
  }
  for (const label of ["Change) ON (n.entity)", "Event) ON (n.day)"]) {
    await database.executeCypher(`CREATE INDEX FOR (n:${label}`);
  }
  const started = performance.now();
  for (const statements of transactions) {
    const transaction = database.beginTransaction();
    for (const [cypher, parameters] of statements) {
      await transaction.executeCypher(cypher, parameters);
    }
    transaction.commit();
  }
  const ms = performance.now() - started;
  database.close();
  return ms;
}

const transactions: Statement[][] = [];
await runSink(transactions);
const rows = transactions.flat().reduce((sum, [, { rows: sent }]) => {
  return sum + (Array.isArray(sent) ? sent.length : 1);
}, 0);
const sinkMs: number[] = [];
const bareMs: number[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  bareMs.push(await runBare(transactions));
  sinkMs.push(await runSink());
}
const perSecond = (ms: readonly number[]): number =>
  Math.round(rows / (percentile(ms, 0.5) / 1000));
console.log(
  JSON.stringify({
    records: RECORDS,
    chunks: transactions.length,
    rows,
    recordsPerSecond: Math.round(RECORDS / (percentile(sinkMs, 0.5) / 1000)),
    sinkRowsPerSecond: perSecond(sinkMs),
    bareRowsPerSecond: perSecond(bareMs),
    ratio: Number((percentile(bareMs, 0.5) / percentile(sinkMs, 0.5)).toFixed(3)),
  }),
);
