/**
 * What the sink costs beside its engine: `pnpm build && pnpm exec node packages/clients/graph/bench/rows.ts [RECORDS]`. The sink writes chunks into
 * an embedded graph; the statements that it ran are then run again on an empty graph by the bare engine, one transaction a chunk, nothing
 * else. Five rounds of both, in turns; prints one JSON line with the rows per second of each and their ratio, by the medians.
 */
import { numberArgument, programArguments } from "@annals/kit";
import grafeo from "@grafeo-db/js";
import type {
  GraphDatabase,
  GraphParameters,
  GraphRow,
  GraphTransaction,
} from "../src/graphDatabase.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { chunksOf, LargestChunk, NEVER, peakMiB, percentile, recordsOf } from "./chunks.ts";

const PROGRAM = "packages/clients/graph/bench/rows.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [RECORDS]

Rows per second of the graph sink beside the bare engine with the same statements, both embedded.

  RECORDS  how many (default 20000)

examples:
  pnpm exec node packages/clients/graph/bench/rows.ts
  pnpm exec node packages/clients/graph/bench/rows.ts 5000

exit code: 0 measured, 2 wrong usage`;

const { positionals } = programArguments(PROGRAM, HELP, {}, 1);
const RECORDS = numberArgument(PROGRAM, "RECORDS", positionals[0] ?? "20000");
const SHAPE = { actors: 1000, resources: 5000, changeEvery: 10 };
const ROUNDS = 5;

/** Milliseconds by the clock, and of CPU, which a machine that others use too changes less. */
interface Took {
  readonly ms: number;
  readonly cpuMs: number;
}

interface Begun {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
}

function begun(): Begun {
  return { at: performance.now(), cpu: process.cpuUsage() };
}

function since({ at, cpu }: Begun): Took {
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - at, cpuMs: (user + system) / 1000 };
}

const largest = new LargestChunk();

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

async function runSink(recorded?: Statement[][]): Promise<Took> {
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
  const started = begun();
  for (const chunk of chunksOf(sink, recordsOf(1, RECORDS, SHAPE))) {
    if (recorded !== undefined) largest.note(chunk, sink);
    await sink.apply(chunk, NEVER);
  }
  const took = since(started);
  await sink.close();
  return took;
}

async function runBare(transactions: readonly (readonly Statement[])[]): Promise<Took> {
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
  const started = begun();
  for (const statements of transactions) {
    const transaction = database.beginTransaction();
    for (const [cypher, parameters] of statements) {
      await transaction.executeCypher(cypher, parameters);
    }
    transaction.commit();
  }
  const took = since(started);
  database.close();
  return took;
}

const transactions: Statement[][] = [];
await runSink(transactions);
const rows = transactions.flat().reduce((sum, [, { rows: sent }]) => {
  return sum + (Array.isArray(sent) ? sent.length : 1);
}, 0);
const sink: Took[] = [];
const bare: Took[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  bare.push(await runBare(transactions));
  sink.push(await runSink());
}
const median = (took: readonly Took[], what: keyof Took): number =>
  percentile(
    took.map((one) => one[what]),
    0.5,
  );
const ratio = (what: keyof Took): number =>
  Number((median(bare, what) / median(sink, what)).toFixed(3));
console.log(
  JSON.stringify({
    bench: "rows",
    records: RECORDS,
    chunks: transactions.length,
    rows,
    recordsPerSecond: Math.round(RECORDS / (median(sink, "ms") / 1000)),
    sinkRowsPerSecond: Math.round(rows / (median(sink, "ms") / 1000)),
    bareRowsPerSecond: Math.round(rows / (median(bare, "ms") / 1000)),
    ratio: ratio("ms"),
    ratioCpu: ratio("cpuMs"),
    peakMiB: peakMiB(),
    itemsMax: largest.itemsMax,
    bytesMax: largest.bytesMax,
  }),
);
