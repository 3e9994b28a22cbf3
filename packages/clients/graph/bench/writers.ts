/**
 * Many writers and one hub: `pnpm build && pnpm exec node packages/clients/graph/bench/writers.ts [RECORDS]`. 32 sinks at once write records of one
 * actor, each a chunk a record, and try again after a conflict with full jitter. Prints a JSON line for each way: `counter`, in which every record also
 * counts on the actor's own node; `shared`, the model as it is, the records dealt out to all writers; `lanes`, in which a lane has
 * all records of an actor, so that no two writers name the same one.
 */
import { setTimeout as wait } from "node:timers/promises";
import { numberArgument, programArguments } from "@annals/kit";
import type { Chunk, SinkCursor } from "@annals/sinks";
import type { GraphMutation } from "../src/mutation.ts";
import type { GraphParameters, GraphRow, GraphTransaction } from "../src/graphDatabase.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import { LargestChunk, NEVER, peakMiB, percentile, recordsOf } from "./chunks.ts";

const UNSCOPED = { scope: "", anchor: 0 } as const;

const WRITERS = 32;
const PROGRAM = "packages/clients/graph/bench/writers.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [RECORDS]

32 sinks at once write records of one actor: conflicts with lanes, without, and on one shared node.

  RECORDS  of each writer (default 20)

examples:
  pnpm exec node packages/clients/graph/bench/writers.ts
  pnpm exec node packages/clients/graph/bench/writers.ts 100

exit code: 0 measured, 2 wrong usage`;

const { positionals } = programArguments(PROGRAM, HELP, {}, 1);
const RECORDS = numberArgument(PROGRAM, "RECORDS", positionals[0] ?? "20");
const TRIES_MAX = 200;

type Way = "counter" | "shared" | "lanes";

const COUNT =
  "MATCH (n:Entity {key: $key}) SET n.count = coalesce(n.count, 0) + 1 RETURN n.count AS c";

/** As the sink's own transactions, with one statement more before the commit of those that write records. */
class Counting implements GraphTransaction {
  readonly #inner: GraphTransaction;
  #writes = false;

  constructor(inner: GraphTransaction) {
    this.#inner = inner;
  }

  run(cypher: string, parameters: GraphParameters): Promise<readonly GraphRow[]> {
    this.#writes ||= cypher.startsWith("UNWIND");
    return this.#inner.run(cypher, parameters);
  }

  async commit(): Promise<void> {
    if (this.#writes) await this.#inner.run(COUNT, { key: "|actor|user|user-0" });
    await this.#inner.commit();
  }

  rollback(): Promise<void> {
    return this.#inner.rollback();
  }
}

async function measure(way: Way): Promise<void> {
  const largest = new LargestChunk();
  const database = await GrafeoDatabase.open();
  const begin = database.begin.bind(database);
  let conflicts = 0;
  let dropped = 0;
  const tries: number[] = [];

  async function writer(number: number): Promise<void> {
    const sink = new GraphSink({
      id: `writer-${number}`,
      log: way === "lanes" ? `lane-${number}` : "one",
      connect: () => Promise.resolve(database),
    });
    await sink.open(NEVER);
    const shape = { actors: 1, resources: WRITERS, changeEvery: 10 };
    let expected: SinkCursor | undefined;
    for (let k = 0; k < RECORDS; k += 1) {
      const seq = 1 + number + k * WRITERS;
      for (const record of recordsOf(seq, seq, shape)) {
        const own = { ...record, actor: { type: "user", id: `user-${number}` } };
        const mutations = sink.plan(way === "lanes" ? own : record);
        const next = {
          seq,
          part: 0,
          settings: sink.settings,
          epoch: 1,
          recordHash: "",
          ...UNSCOPED,
        };
        tries.push(await apply(sink, { expected, next, mutations, records: 1, bytes: 0 }));
        expected = next;
      }
    }
  }

  async function apply(sink: GraphSink, chunk: Chunk<GraphMutation>): Promise<number> {
    largest.note(chunk, sink);
    for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
      try {
        await sink.apply(chunk, NEVER);
        return attempt;
      } catch (error) {
        if (sink.classify(error) !== "conflict") throw error;
        conflicts += 1;
        await wait(1 + Math.random() * Math.min(500, 2 ** Math.min(attempt, 9)));
      }
    }
    dropped += 1;
    return TRIES_MAX;
  }

  if (way === "counter") {
    database.begin = async (signal) => new Counting(await begin(signal));
  }
  const started = performance.now();
  await Promise.all(Array.from({ length: WRITERS }, (_, number) => writer(number)));
  const seconds = (performance.now() - started) / 1000;
  const transactions = WRITERS * RECORDS;
  const perSecond = Math.round(transactions / seconds);
  const triesP99 = percentile(tries, 0.99);
  const { itemsMax, bytesMax } = largest;
  const found = { bench: "writers", way, transactions, conflicts, dropped, triesP99, perSecond };
  console.log(JSON.stringify({ ...found, peakMiB: peakMiB(), itemsMax, bytesMax }));
  await database.close();
}

for (const way of ["counter", "shared", "lanes"] as const) await measure(way);
