/**
 * How long a sink stands still when its runner goes: `pnpm build && pnpm exec node integration-tests/figures/takeover.ts [--times N] [--lease S]
 * [--rate R] [--only SIGKILL|SIGSTOP|SIGTERM]`.
 * Three nodes, a load, a graph behind a Bolt server, and two runners of one sink, of which one stands by. The active one is killed by
 * SIGKILL, frozen by SIGSTOP and let go on when the other one has taken over, or asked to end, N times each and in turns. Prints a JSON line
 * for each way: milliseconds from the signal to the first commit of the one that stood by. The last line says what is in the graph. Exit
 * code 1 if a record is missing, there twice or a dead letter.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { drawPorts } from "@annals/drill";
import { numberArgument, programArguments } from "@annals/kit";
import { TestCluster, until } from "../support/cluster.ts";
import { Load } from "./load.ts";
import { boltPlace } from "./places.ts";
import { SinkProcess } from "./sinkProcess.ts";

const PROGRAM = "integration-tests/figures/takeover.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [--times N] [--lease S] [--rate R] [--only SIGNAL]

How long a sink stands still when its runner is killed, frozen or asked to end, and another one stands by.

  --times N      how often each (default 20)
  --lease S      seconds of the lease (default 10)
  --rate R       records a second meanwhile (default 50)
  --only SIGNAL  SIGKILL, SIGSTOP or SIGTERM (default: all)

examples:
  pnpm exec node ${PROGRAM}
  pnpm exec node ${PROGRAM} --times 3 --lease 2

exit code: 0 nothing is missing or there twice, 1 something is, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  times: { type: "string", default: "20" },
  lease: { type: "string", default: "10" },
  rate: { type: "string", default: "50" },
  only: { type: "string" },
});
const times = numberArgument(PROGRAM, "--times", values.times);
const leaseSeconds = numberArgument(PROGRAM, "--lease", values.lease);
const rate = numberArgument(PROGRAM, "--rate", values.rate);
const EVERY_WAY = ["SIGKILL", "SIGSTOP", "SIGTERM"] as const;
type Way = (typeof EVERY_WAY)[number];
const WAYS = EVERY_WAY.filter((way) => (values.only ?? way) === way);
/** So often the one that stands by is asked whether it has written. */
const LOOK_EVERY_MS = 10;

const cluster = await TestCluster.start({ config: `groups: { lease: ${leaseSeconds}s }\n` });
const place = await boltPlace();
const file = join(cluster.directory, "sinks.yaml");
const urls = cluster.ids.map((id) => cluster.url(id)).join(", ");
await writeFile(file, `url: [${urls}]\nsinks:\n  taken: { to: ${place.to(place.port)} }\n`);
await cluster.untilReady();
let runners = 0;
let peakMiB = 0;
let [itemsMax, bytesMax, deadLetters] = [0, 0, 0];
let active = await start();
await until(async () => (await active.status())?.state === "running");
let standby = await start();
const load = new Load(cluster.client(), rate);
try {
  await measure();
} finally {
  for (const runner of [active, standby]) {
    runner.signal("SIGCONT");
    await runner.end();
  }
  await place.close();
  await cluster.close();
}

async function start(): Promise<SinkProcess> {
  const name = `runner-${++runners}`;
  const listen = (await drawPorts([name])).get(name) ?? "";
  return new SinkProcess({ file, listen });
}

async function untilStandsBy(runner: SinkProcess): Promise<void> {
  await until(async () => (await runner.status())?.state === "standby");
}

/** What is known of a runner that goes. */
async function note(runner: SinkProcess): Promise<void> {
  runner.memory.look();
  peakMiB = Math.max(peakMiB, runner.memory.peak);
  const status = await runner.status();
  itemsMax = Math.max(itemsMax, status?.chunks.itemsMax ?? 0);
  bytesMax = Math.max(bytesMax, status?.chunks.bytesMax ?? 0);
  deadLetters += status?.deadLetters ?? 0;
}

async function measure(): Promise<void> {
  const took = new Map<Way, number[]>(WAYS.map((way) => [way, []]));
  for (let k = 0; k < times; k++) {
    for (const way of WAYS) took.get(way)?.push(await strike(way));
  }
  await load.end();
  await until(async () => ((await active.status())?.lag.records ?? 1) === 0);
  await until(async () => (await place.seqs()).length >= load.records);
  for (const [way, ms] of took) print(way, ms);
  await note(active);
  await note(standby);
  const seqs = await place.seqs();
  const different = new Set(seqs).size;
  const [missing, twice] = [load.records - different, seqs.length - different];
  console.log(
    JSON.stringify({
      bench: "takeover",
      leaseSeconds,
      takeovers: times * WAYS.length,
      records: load.records,
      missing,
      twice,
      deadLetters,
      itemsMax,
      bytesMax,
      peakMiB: Math.round(peakMiB),
    }),
  );
  if (missing !== 0 || twice !== 0 || deadLetters !== 0) process.exitCode = 1;
}

function print(way: Way, ms: readonly number[]): void {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  console.log(
    JSON.stringify({ way, takeovers: ms.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }),
  );
}

/** Milliseconds until the one that stood by has written. Then another one stands by. */
async function strike(way: Way): Promise<number> {
  await untilStandsBy(standby);
  const before = (await standby.status())?.applied ?? 0;
  await note(active);
  // Somewhere between two renewals of the lease.
  await wait((Math.random() * leaseSeconds * 1000) / 3);
  const [gone, beganMs] = [active, performance.now()];
  gone.signal(way);
  for (;;) {
    if (((await standby.status())?.applied ?? 0) > before) break;
    await wait(LOOK_EVERY_MS);
  }
  const tookMs = performance.now() - beganMs;
  console.error(`${way}: ${Math.round(tookMs)} ms`);
  active = standby;
  if (way === "SIGSTOP") {
    gone.signal("SIGCONT");
    standby = gone;
  } else {
    await gone.end(way);
    standby = await start();
  }
  return tookMs;
}
