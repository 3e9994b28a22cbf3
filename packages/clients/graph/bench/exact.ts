/**
 * Exactly once: `pnpm build && pnpm exec node packages/clients/graph/bench/exact.ts [RECORDS] [FAULTS]`. A runner in a process of its own writes a log
 * into an embedded graph in a file. The process is killed with -9 at random points, and other commits take effect without an answer, as many
 * of each. In the end every event, edge and interval of the graph is compared with a plain fold of the log, by the hash of a sorted dump. Prints one JSON
 * line; exit code 1 unless both hashes are the same and every fault was met.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { numberArgument, programArguments } from "@annals/kit";
import type { Sink } from "@annals/sinks";
import type { GraphDatabase } from "../src/graphDatabase.ts";
import type { GraphMutation } from "../src/mutation.ts";
import { GrafeoDatabase } from "../src/grafeoDatabase.ts";
import { GraphSink } from "../src/graphSink.ts";
import type { Facts } from "../test/fold.ts";
import { factsIn, foldOf } from "../test/fold.ts";
import { LargestChunk, peakMiB, recordsOf } from "./chunks.ts";
import { drive } from "./driver.ts";

const SHAPE = { actors: 1000, resources: 5000, changeEvery: 4 };
/** Longest time from the record that was drawn to the kill, in milliseconds. */
const KILL_WITHIN_MS = 30;

class Unanswered extends Error {}

/**
 * The runner's process: tells every seq that is committed, and every commit of which it gets no answer. It ends when all is written, and only
 * then if it is not to be killed.
 */
async function follow(path: string, records: number, unanswered: readonly number[]): Promise<void> {
  let committing = 0;
  let before = 0;
  const largest = new LargestChunk();
  const connect = async (): Promise<GraphDatabase> => {
    const database = await GrafeoDatabase.open(path);
    return {
      name: database.name,
      ensure: database.ensure.bind(database),
      explain: database.explain.bind(database),
      close: database.close.bind(database),
      classify: (error) => (error instanceof Unanswered ? "transient" : database.classify(error)),
      begin: async (signal) => {
        const transaction = await database.begin(signal);
        return {
          run: transaction.run.bind(transaction),
          rollback: transaction.rollback.bind(transaction),
          commit: async () => {
            const reached = committing;
            const isUnanswered = unanswered.some((seq) => seq > before && seq <= reached);
            // At once, and before: whenever the process is killed, what has taken effect is told.
            if (isUnanswered) writeSync(1, `unanswered ${reached}\n`);
            await transaction.commit();
            before = Math.max(before, reached);
            writeSync(1, `peak ${peakMiB()} ${largest.itemsMax} ${largest.bytesMax}\n`);
            writeSync(1, `committed ${reached}\n`);
            if (isUnanswered) throw new Unanswered("the connection is lost");
          },
        };
      },
    };
  };
  const sink = (): Sink<GraphMutation> => {
    const graph = new GraphSink({ id: "exact", log: "bench", connect });
    const apply = graph.apply.bind(graph);
    graph.apply = (chunk, signal) => {
      before ||= chunk.expected?.seq ?? 0;
      committing = chunk.next.seq;
      largest.note(chunk, graph);
      return apply(chunk, signal);
    };
    return graph;
  };
  await drive({
    records,
    recordsOf: (from, to) => recordsOf(from, to, SHAPE),
    sink,
    token: Date.now(),
  });
}

interface Told {
  readonly unanswered: number;
  readonly wasKilled: boolean;
  readonly peak: Peak;
}

/** What a life of the runner's process had at most. */
interface Peak {
  readonly peakMiB: number;
  readonly itemsMax: number;
  readonly bytesMax: number;
}

/** One life of the runner's process: until it is done, or killed a little after a seq. */
async function live(args: readonly string[], killAt: number | undefined): Promise<Told> {
  const mode = killAt === undefined ? "follow" : "stay";
  const argv = [...process.execArgv, import.meta.filename, mode, ...args];
  const child = spawn(process.execPath, argv, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<number | string | null>((resolve) =>
    child.once("close", (code, signal) => resolve(code ?? signal)),
  );
  let told = "";
  let isDue = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    told += text;
    const reached = Number(/(\d+)\n$/.exec(text)?.[1] ?? 0);
    if (isDue || killAt === undefined || reached < killAt) return;
    isDue = true;
    void wait(Math.random() * KILL_WITHIN_MS).then(() => child.kill("SIGKILL"));
  });
  const how = await ended;
  if (how !== 0 && how !== "SIGKILL") throw new Error(`the runner ended with ${how}`);
  const unanswered = told.match(/^unanswered/gm)?.length ?? 0;
  const last = [...told.matchAll(/^peak (\d+) (\d+) (\d+)$/gm)].at(-1) ?? [];
  const [peak = 0, itemsMax = 0, bytesMax = 0] = last.slice(1).map(Number);
  return { unanswered, wasKilled: how === "SIGKILL", peak: { peakMiB: peak, itemsMax, bytesMax } };
}

function hashOf({ events, intervals }: Facts): string {
  return createHash("sha256")
    .update([...events, "", ...intervals].join("\n"))
    .digest("hex");
}

function drawn(count: number, records: number): readonly number[] {
  const seqs = Array.from({ length: count }, () => 1 + Math.floor(Math.random() * records * 0.8));
  return seqs.toSorted((a, b) => a - b);
}

async function measure(records: number, faults: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "annals-exact-"));
  const path = join(directory, "graph");
  // Far enough apart that no two are in one chunk.
  const unanswered = Array.from({ length: faults }, (_, k) =>
    Math.floor(((k + Math.random() * 0.5 + 0.1) * records) / faults),
  );
  const args = [path, String(records), ...unanswered.map(String)];
  const startedMs = performance.now();
  let [kills, ambiguous] = [0, 0];
  const peaks: Peak[] = [];
  for (const killAt of [...drawn(faults, records), undefined]) {
    const told = await live(args, killAt);
    kills += told.wasKilled ? 1 : 0;
    ambiguous += told.unanswered;
    peaks.push(told.peak);
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const database = await GrafeoDatabase.open(path);
  const graphHash = hashOf(await factsIn(database));
  await database.close();
  await rm(directory, { recursive: true });
  const foldHash = hashOf(foldOf([...recordsOf(1, records, SHAPE)]));
  const same = graphHash === foldHash;
  console.log(
    JSON.stringify({
      bench: "exact",
      records,
      kills,
      ambiguous,
      same,
      graphHash,
      foldHash,
      perSecond: Math.round(records / seconds),
      peakMiB: Math.max(...peaks.map((one) => one.peakMiB)),
      itemsMax: Math.max(...peaks.map((one) => one.itemsMax)),
      bytesMax: Math.max(...peaks.map((one) => one.bytesMax)),
    }),
  );
  if (!same || kills < faults || ambiguous < faults) process.exitCode = 1;
}

const PROGRAM = "packages/clients/graph/bench/exact.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [RECORDS] [FAULTS]

A log written into an embedded graph by a process that is killed, with commits that get no answer: the graph must be what a plain fold of
the log is.

  RECORDS  how many (default 100000)
  FAULTS   kills, and as many commits without an answer (default 20)

examples:
  pnpm exec node packages/clients/graph/bench/exact.ts
  pnpm exec node packages/clients/graph/bench/exact.ts 20000 5

exit code: 0 the same, 1 not so, 2 wrong usage`;

// What the runner's process is called with, by this program only.
const [mode = "", second = "", ...rest] = process.argv.slice(2);
if (mode === "follow" || mode === "stay") {
  await follow(second, Number(rest[0]), rest.slice(1).map(Number));
  // Until it is killed, which is on its way.
  if (mode === "stay") setInterval(() => undefined, KILL_WITHIN_MS);
} else {
  const [records = "100000", faults = "20"] = programArguments(PROGRAM, HELP, {}, 2).positionals;
  await measure(
    numberArgument(PROGRAM, "RECORDS", records),
    numberArgument(PROGRAM, "FAULTS", faults),
  );
}
