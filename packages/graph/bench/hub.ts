/**
 * One actor without end: `pnpm build && pnpm exec node packages/graph/bench/hub.ts [RECORDS]`. Writes records of one actor into an embedded
 * graph in memory. During the last tenth a second, empty graph gets the records of the first tenth, a chunk to each in turns, so
 * that both meet the same machine. Prints a JSON line for each tenth, with the p50 and p99 of its chunks and their mean CPU in milliseconds, and
 * at the end the ratio of last tenth to first, by time and beside each other, the highest degree of any node, and the memory.
 */
import { GrafeoDatabase, GraphSink } from "@annals/graph";
import { chunksOf, NEVER, percentile, recordsOf } from "./chunks.ts";

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const SHAPE = { actors: 1, resources: 5000, changeEvery: 10 };

async function opened(): Promise<readonly [GrafeoDatabase, GraphSink]> {
  const graph = await GrafeoDatabase.open();
  const writer = new GraphSink({ id: "hub", log: "hub", connect: () => Promise.resolve(graph) });
  await writer.open(NEVER);
  return [graph, writer];
}

const [database, sink] = await opened();
const [, besideSink] = await opened();
const beside = chunksOf(besideSink, recordsOf(1, RECORDS / 10, SHAPE));
const besideTimes: number[] = [];

interface Tenth {
  readonly tenth: number;
  readonly chunks: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the whole process, for each chunk: what a machine that others use too does not change. */
  readonly cpuMs: number;
}

const tenths: Tenth[] = [];
let times: number[] = [];
let rssMax = 0;
let cpu = process.cpuUsage();
const started = performance.now();
for (const chunk of chunksOf(sink, recordsOf(1, RECORDS, SHAPE))) {
  if (tenths.length === 9) {
    const other = beside.next();
    if (other.done !== true) {
      const begun = performance.now();
      await besideSink.apply(other.value, NEVER);
      besideTimes.push(performance.now() - begun);
    }
  }
  const from = performance.now();
  await sink.apply(chunk, NEVER);
  times.push(performance.now() - from);
  if (chunk.next.seq < (RECORDS / 10) * (tenths.length + 1)) continue;
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
  const [p50, p99] = [0.5, 0.99].map((share) => Number(percentile(times, share).toFixed(2)));
  const { user, system } = process.cpuUsage(cpu);
  cpu = process.cpuUsage();
  const tenth = {
    tenth: tenths.length + 1,
    chunks: times.length,
    p50: p50 ?? 0,
    p99: p99 ?? 0,
    cpuMs: Number(((user + system) / 1000 / times.length).toFixed(2)),
  };
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
const [p50, p99] = [0.5, 0.99].map((share) => percentile(besideTimes, share));
console.log(
  JSON.stringify({
    records: RECORDS,
    recordsPerSecond: Math.round(RECORDS / seconds),
    ratioP50: Number(((last?.p50 ?? 0) / (first?.p50 ?? 1)).toFixed(2)),
    ratioP99: Number(((last?.p99 ?? 0) / (first?.p99 ?? 1)).toFixed(2)),
    ratioCpu: Number(((last?.cpuMs ?? 0) / (first?.cpuMs ?? 1)).toFixed(2)),
    ratioP50Beside: Number(((last?.p50 ?? 0) / (p50 ?? 1)).toFixed(2)),
    ratioP99Beside: Number(((last?.p99 ?? 0) / (p99 ?? 1)).toFixed(2)),
    widest,
    rssMiB: Math.round(rssMax / 2 ** 20),
  }),
);
await sink.close();
await besideSink.close();
