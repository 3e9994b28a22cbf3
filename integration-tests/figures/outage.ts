/**
 * A sink whose place is away: `pnpm build && pnpm exec node integration-tests/figures/outage.ts [--to webhook|bolt] [--records N] [--seconds S]
 * [--rate R] [--settle S]`. Three nodes, a load on them, and `annals sink run`, each a process of its own. The runner first catches up with a
 * backlog and then follows for as long as it takes its memory to settle: a process that warms up grows, whatever it does. Then nobody listens
 * at the sink's place for S seconds in which N records come in; then it is back, and the load goes on with R records a second.
 *
 * Beside it a second runner does the same with a place of its own, until the outage ends, and is made to collect its garbage every few
 * seconds: what then lives in its heap is what the outage holds on to, and the memory of the first is what an operator sees.
 *
 * Prints one JSON line: memory of the runner with its slope and the slope's standard error, the largest transaction, how fast it caught up
 * beside the load. Exit code 1 if a record is missing or a dead letter, if the residual is not 0 or a transaction was too large.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { drawPorts } from "@annals/drill";
import { numberArgument, programArguments } from "@annals/kit";
import { TestCluster, until } from "../support/cluster.ts";
import { Door } from "./door.ts";
import { Load } from "./load.ts";
import type { Sample } from "./memory.ts";
import { boltPlace, webhookPlace } from "./places.ts";
import type { Place } from "./places.ts";
import { hasSettled } from "./settling.ts";
import { SinkProcess } from "./sinkProcess.ts";
import type { Status } from "./sinkProcess.ts";
import { slopeOf } from "./slope.ts";

const ITEMS_MAX = 200;
const BYTES_MAX = 2 ** 20;
/** So many times as long as the place was away is waited until the sink has caught up; then the load ends, and the same again. */
const PATIENCE = 5;
/** Records a second while the runner warms up, at most. */
const WARM_RATE = 1_000;
/** Records that wait when the runners start: so they have read whole pages once, as they do in an outage. */
const BACKLOG_PART = 0.05;
const LEVEL_WITHIN_MS = 120_000;
/** Nobody is nearer to the end of a log that grows. */
const RECORDS_NEAR = 200;
const LIVE_HEAP_EVERY_MS = 4_000;

const PROGRAM = "integration-tests/figures/outage.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [--to PLACE] [--records N] [--seconds S] [--rate R] [--settle S]

A sink whose place is away while records come in: three nodes, a load on them and annals sink run. What it needs, and how fast it catches up.

  --to PLACE   webhook or bolt (default webhook)
  --records N  how many come in meanwhile (default 500000)
  --seconds S  how long the place is away (default 60)
  --rate R     records a second afterwards (default: as before)
  --settle S   the longest time for memory to come to rest before that (default 300)

examples:
  pnpm exec node ${PROGRAM}
  pnpm exec node ${PROGRAM} --to bolt --records 6000 --rate 25

exit code: 0 nothing is missing, 1 something is, or was too large, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  to: { type: "string", default: "webhook" },
  records: { type: "string", default: "500000" },
  seconds: { type: "string", default: "60" },
  rate: { type: "string" },
  settle: { type: "string", default: "300" },
});
const records = numberArgument(PROGRAM, "--records", values.records);
const seconds = numberArgument(PROGRAM, "--seconds", values.seconds);
const settle = numberArgument(PROGRAM, "--settle", values.settle, 0);
const rate = numberArgument(PROGRAM, "--rate", values.rate ?? String(records / seconds), 0);

/** A runner, the place that it writes to, and the door before it. */
interface Site {
  readonly runner: SinkProcess;
  readonly door: Door;
  readonly place: Place;
}

const cluster = await TestCluster.start();
await cluster.untilReady();
const load = new Load(cluster.client(), rate);
await until(() => load.records >= records * BACKLOG_PART);
const site = await siteOf("away", false);
const twin = await siteOf("twin", true);
try {
  await measure();
} finally {
  await close(site);
  await close(twin);
  await cluster.close();
}

async function siteOf(name: string, tellsLiveHeap: boolean): Promise<Site> {
  const place = await (values.to === "bolt" ? boltPlace() : webhookPlace());
  const door = new Door(place.port);
  await door.open();
  const listen = (await drawPorts([name])).get(name) ?? "";
  const file = join(cluster.directory, `${name}.yaml`);
  const urls = cluster.ids.map((id) => cluster.url(id)).join(", ");
  await writeFile(file, `url: [${urls}]\nsinks:\n  ${name}: { to: ${place.to(door.port)} }\n`);
  return { runner: new SinkProcess({ file, listen, tellsLiveHeap }), door, place };
}

async function close({ runner, door, place }: Site): Promise<void> {
  await runner.end();
  await door.shut();
  await place.close();
}

/** Seconds until the runner's memory had come to rest; null if it did not in the time that it was given. */
async function settled(): Promise<number | null> {
  const beganMs = performance.now();
  const passed = (): number => (performance.now() - beganMs) / 1000;
  const { samples } = site.runner.memory;
  const begin = samples.length;
  const live: Sample[] = [];
  const alike = (all: readonly Sample[]): boolean => hasSettled(all, performance.now() / 1000);
  while (passed() < settle) {
    await wait(Math.min(LIVE_HEAP_EVERY_MS, settle * 1000));
    live.push(await twin.runner.liveHeap());
    if (alike(samples.slice(begin)) && alike(live)) return passed();
  }
  return null;
}

async function status(): Promise<Status | undefined> {
  return site.runner.status();
}

/** Until it is level with the load; a place that cannot keep up with it is no use here. */
async function level({ runner }: Site): Promise<void> {
  const beganMs = performance.now();
  await until(async () => {
    const now = await runner.status();
    if (performance.now() - beganMs > LEVEL_WITHIN_MS)
      throw new Error(`the sink does not keep up with ${rate} records a second: give a --rate`);
    return now !== undefined && now.applied > 0 && now.lag.records <= Math.max(rate, RECORDS_NEAR);
  });
}

async function measure(): Promise<void> {
  await level(site);
  await level(twin);
  load.rate = Math.min(rate, WARM_RATE);
  const settledSeconds = await settled();

  const [before, beganMs] = [load.records, performance.now()];
  const { samples } = site.runner.memory;
  const begin = samples.length;
  const live: Sample[] = [];
  await Promise.all([site.door.shut(), twin.door.shut()]);
  load.rate = records / seconds;
  const awayMs = (): number => performance.now() - beganMs;
  while (awayMs() < seconds * 1000 || load.records - before < records) {
    live.push(await twin.runner.liveHeap());
    await wait(Math.min(LIVE_HEAP_EVERY_MS, (seconds * 1000) / 2));
  }
  const ingestPerSecond = ((load.records - before) * 1000) / awayMs();
  live.push(await twin.runner.liveHeap());
  const away = await status();
  const curve = samples.slice(begin);
  const awaySeconds = awayMs() / 1000;
  await twin.runner.end();
  load.rate = rate;
  await site.door.open();

  const [backMs, appliedBefore] = [performance.now(), away?.applied ?? 0];
  const woken = await until(async () => {
    const now = await status();
    return now !== undefined && now.applied > appliedBefore ? now : undefined;
  });
  const [wokenMs, loadBefore] = [performance.now(), load.records];
  const caughtUp = await until(async () => {
    const now = await status();
    const isOver = performance.now() - wokenMs > seconds * 1000 * PATIENCE;
    return now !== undefined && (isOver || now.lag.records <= rate) ? now : undefined;
  });
  const caughtUpSeconds = (performance.now() - wokenMs) / 1000;
  const catchUpPerSecond = (caughtUp.applied - woken.applied) / caughtUpSeconds;
  const loadPerSecond = (load.records - loadBefore) / caughtUpSeconds;
  await load.end();
  const endedMs = performance.now();
  // Not until its lag is 0: that is of the end of the log as the runner knows it.
  const done = await until(async () => {
    const now = await status();
    if (now === undefined) return undefined;
    const isOver = performance.now() - endedMs > seconds * 1000 * PATIENCE;
    return isOver || now.applied + now.deadLetters >= load.records ? now : undefined;
  });

  const missing = load.records - new Set(await site.place.seqs()).size;
  const { itemsMax, bytesMax } = done.chunks;
  console.log(
    JSON.stringify({
      bench: "outage",
      to: values.to,
      awaySeconds: round(awaySeconds),
      stateAway: away?.state,
      lag: away?.lag.records,
      ingestPerSecond: Math.round(ingestPerSecond),
      settledSeconds: settledSeconds === null ? null : round(settledSeconds),
      memory: described(curve),
      liveHeap: described(live),
      peakMiB: Math.round(site.runner.memory.peak),
      backAfterSeconds: round((wokenMs - backMs) / 1000),
      caughtUp: caughtUp.lag.records <= rate,
      caughtUpSeconds: round(caughtUpSeconds),
      catchUpPerSecond: Math.round(catchUpPerSecond),
      loadPerSecond: Math.round(loadPerSecond),
      ratio: Number((catchUpPerSecond / loadPerSecond).toFixed(2)),
      itemsMax,
      bytesMax,
      deadLetters: done.deadLetters,
      residual: done.residual,
      records: load.records,
      missing,
    }),
  );
  const isWhole = missing === 0 && done.deadLetters === 0 && done.residual === 0;
  if (!isWhole || itemsMax > ITEMS_MAX || bytesMax > BYTES_MAX) process.exitCode = 1;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

/** MiB at the beginning and the end of the outage; MiB a minute in it, and by how much that may be wrong. */
function described(samples: readonly Sample[]): Readonly<Record<string, number | null>> {
  const { perMinute, error } = slopeOf(samples);
  const digits = (value: number): number => Number(value.toFixed(2));
  return {
    firstMiB: round(samples[0]?.mebibytes ?? 0),
    lastMiB: round(samples.at(-1)?.mebibytes ?? 0),
    slopePerMinute: digits(perMinute),
    standardError: error === null ? null : digits(error),
  };
}
