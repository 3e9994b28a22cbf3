/**
 * One actor without end: `pnpm build && pnpm exec node packages/clients/graph/bench/hub.ts [RECORDS]`. Writes records of one actor into an embedded
 * graph in memory. During the last tenth a second, empty graph gets the records of the first tenth, a chunk to each in turns, so
 * that both meet the same machine. Prints a JSON line for each tenth, with the p50 and p99 of its chunks in milliseconds of time and of CPU,
 * and at the end the ratio of last tenth to first, by time, by CPU and beside each other, the highest degree of any node, and the memory.
 * Where others use the machine, too, the slowest hundredth by time are the chunks in which it was not ours: CPU tells what the graph costs.
 */
import { numberArgument, programArguments } from "@annals/kit";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { chunksOf, LargestChunk, NEVER, peakMiB, percentile, recordsOf } from "./chunks.ts";

const PROGRAM = "packages/clients/graph/bench/hub.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [RECORDS]

Records of one actor without end, written into an embedded graph: chunk times of the last tenth beside the first, the highest degree.

  RECORDS  how many (default 1000000)

examples:
  pnpm exec node packages/clients/graph/bench/hub.ts
  pnpm exec node packages/clients/graph/bench/hub.ts 100000

exit code: 0 measured, 2 wrong usage`;

const { positionals } = programArguments(PROGRAM, HELP, {}, 1);
const RECORDS = numberArgument(PROGRAM, "RECORDS", positionals[0] ?? "1000000");
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
  /** Of the whole process: what a machine that others use too changes least. */
  readonly cpuP50: number;
  readonly cpuP99: number;
}

const tenths: Tenth[] = [];
let times: number[] = [];
let cpuTimes: number[] = [];
const largest = new LargestChunk();
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
  largest.note(chunk, sink);
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await sink.apply(chunk, NEVER);
  times.push(performance.now() - from);
  const { user, system } = process.cpuUsage(cpu);
  cpuTimes.push((user + system) / 1000);
  if (chunk.next.seq < (RECORDS / 10) * (tenths.length + 1)) continue;
  const at = (share: number, of: readonly number[]): number =>
    Number(percentile(of, share).toFixed(2));
  const tenth = {
    tenth: tenths.length + 1,
    chunks: times.length,
    p50: at(0.5, times),
    p99: at(0.99, times),
    cpuP50: at(0.5, cpuTimes),
    cpuP99: at(0.99, cpuTimes),
  };
  tenths.push(tenth);
  console.log(JSON.stringify(tenth));
  times = [];
  cpuTimes = [];
}
const seconds = (performance.now() - started) / 1000;

const transaction = await database.begin(NEVER);
const [widest] = await transaction.run(
  "MATCH (n:Entity)-[r]-() WITH n, count(r) AS degree RETURN n.key AS key, degree " +
    "ORDER BY degree DESC LIMIT 1",
  {},
);
await transaction.rollback();
const ratio = (one = 0, other = 1): number => Number((one / other).toFixed(2));
const [first, last] = [tenths[0], tenths.at(-1)];
const [p50, p99] = [0.5, 0.99].map((share) => percentile(besideTimes, share));
console.log(
  JSON.stringify({
    bench: "hub",
    records: RECORDS,
    recordsPerSecond: Math.round(RECORDS / seconds),
    ratioP50: ratio(last?.p50, first?.p50),
    ratioP99: ratio(last?.p99, first?.p99),
    ratioCpuP50: ratio(last?.cpuP50, first?.cpuP50),
    ratioCpuP99: ratio(last?.cpuP99, first?.cpuP99),
    ratioP50Beside: ratio(last?.p50, p50),
    ratioP99Beside: ratio(last?.p99, p99),
    widest,
    peakMiB: peakMiB(),
    itemsMax: largest.itemsMax,
    bytesMax: largest.bytesMax,
  }),
);
await sink.close();
await besideSink.close();
