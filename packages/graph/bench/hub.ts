/**
 * One actor without end: `pnpm build && pnpm exec node packages/graph/bench/hub.ts [RECORDS] [FILE]`. Writes records of one actor into an
 * embedded graph, in memory or in a file. Prints a JSON line for each tenth, with the p50 and p99 of its chunks in milliseconds, and at
 * the end the ratio of last to first, the highest degree of any node, and the memory.
 */
import { GrafeoDatabase, GraphSink } from "@annals/graph";
import { chunksOf, NEVER, percentile, recordsOf } from "./chunks.ts";

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const FILE = process.argv[3];
const SHAPE = { actors: 1, resources: 5000, changeEvery: 10 };

const database = await GrafeoDatabase.open(FILE);
const sink = new GraphSink({ id: "hub", log: "hub", connect: () => Promise.resolve(database) });
await sink.open(NEVER);

interface Tenth {
  readonly tenth: number;
  readonly chunks: number;
  readonly p50: number;
  readonly p99: number;
}

const tenths: Tenth[] = [];
let times: number[] = [];
let rssMax = 0;
const started = performance.now();
for (const chunk of chunksOf(sink, recordsOf(1, RECORDS, SHAPE))) {
  const from = performance.now();
  await sink.apply(chunk, NEVER);
  times.push(performance.now() - from);
  if (chunk.next.seq < (RECORDS / 10) * (tenths.length + 1)) continue;
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
  const [p50, p99] = [0.5, 0.99].map((share) => Number(percentile(times, share).toFixed(2)));
  const tenth = { tenth: tenths.length + 1, chunks: times.length, p50: p50 ?? 0, p99: p99 ?? 0 };
  tenths.push(tenth);
  console.log(JSON.stringify(tenth));
  times = [];
}
const seconds = (performance.now() - started) / 1000;

const transaction = await database.begin(NEVER);
const [widest] = await transaction.run(
  "MATCH (n:Entity)-[r]-() WITH n, count(r) AS degree RETURN n.key AS key, degree " +
    "ORDER BY degree DESC LIMIT 1",
  {},
);
await transaction.rollback();
const [first, last] = [tenths[0], tenths.at(-1)];
console.log(
  JSON.stringify({
    records: RECORDS,
    recordsPerSecond: Math.round(RECORDS / seconds),
    ratioP50: Number(((last?.p50 ?? 0) / (first?.p50 ?? 1)).toFixed(2)),
    ratioP99: Number(((last?.p99 ?? 0) / (first?.p99 ?? 1)).toFixed(2)),
    widest,
    rssMiB: Math.round(rssMax / 2 ** 20),
  }),
);
await sink.close();
