/**
 * A sink whose place is away: `pnpm build && pnpm exec node integration-tests/figures/outage.ts [--to webhook|bolt] [--records N] [--seconds S]
 * [--rate R]`. Three nodes, a load on them, and `annals sink run`, each a process of its own. Nobody listens at the sink's place for S seconds
 * in which N records come in; then it is back, and the load goes on with R records a second. Prints one JSON line: memory of the runner, the largest
 * transaction, how fast it caught up beside the load. Exit code 1 if a record is missing or a dead letter, if the residual is not 0 or a
 * transaction was too large.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { drawPorts } from "@annals/drill";
import { numberArgument, programArguments } from "@annals/testkit";
import { ENTRY, TestCluster, until } from "../support/cluster.ts";
import { Door } from "./door.ts";
import { Load } from "./load.ts";
import { ProcessMemory } from "./memory.ts";
import { boltPlace, webhookPlace } from "./places.ts";

const ITEMS_MAX = 200;
const BYTES_MAX = 2 ** 20;
/** So many times as long as the place was away is waited until the sink has caught up; then the load ends, and the same again. */
const PATIENCE = 5;

const PROGRAM = "integration-tests/figures/outage.ts";
const HELP = `usage: pnpm exec node ${PROGRAM} [--to PLACE] [--records N] [--seconds S] [--rate R] [--settle S]

A sink whose place is away while records come in: three nodes, a load on them and annals sink run. What it needs, and how fast it catches up.

  --to PLACE   webhook or bolt (default webhook)
  --records N  how many come in meanwhile (default 500000)
  --seconds S  how long the place is away (default 60)
  --rate R     records a second afterwards (default: as before)
  --settle S   how long the load runs before that (default 10)

examples:
  pnpm exec node ${PROGRAM}
  pnpm exec node ${PROGRAM} --to bolt --records 15000 --rate 100

exit code: 0 nothing is missing, 1 something is, or was too large, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  to: { type: "string", default: "webhook" },
  records: { type: "string", default: "500000" },
  seconds: { type: "string", default: "60" },
  rate: { type: "string" },
  settle: { type: "string", default: "10" },
});
const records = numberArgument(PROGRAM, "--records", values.records);
const seconds = numberArgument(PROGRAM, "--seconds", values.seconds);
const settle = numberArgument(PROGRAM, "--settle", values.settle, 0);
const rate = numberArgument(PROGRAM, "--rate", values.rate ?? String(records / seconds), 0);

/** What `annals sink show` prints, as far as it is needed here. */
interface Status {
  readonly state: string;
  readonly lag: { readonly records: number };
  readonly applied: number;
  readonly deadLetters: number;
  readonly residual: number;
  readonly retries: number;
  readonly chunks: { readonly itemsMax: number; readonly bytesMax: number };
}

const cluster = await TestCluster.start();
const place = await (values.to === "bolt" ? boltPlace() : webhookPlace());
const door = new Door(place.port);
await door.open();
const listen = (await drawPorts(["runner"])).get("runner") ?? "";
const file = join(cluster.directory, "sinks.yaml");
const urls = cluster.ids.map((id) => cluster.url(id)).join(", ");
await writeFile(
  file,
  `url: [${urls}]\nlisten: ${listen}\nsinks:\n  away: { to: ${place.to(door.port)} }\n`,
);
await cluster.untilReady();
const runner = spawn(process.execPath, [ENTRY, "sink", "run", file], {
  stdio: ["ignore", "ignore", "inherit"],
  env: { ...process.env, HOOK_SECRET: "s" },
});
const memory = new ProcessMemory(runner.pid ?? 0);
try {
  await measure();
} finally {
  memory.close();
  runner.kill("SIGTERM");
  if (runner.exitCode === null) await once(runner, "close");
  await door.shut();
  await place.close();
  await cluster.close();
}

async function status(): Promise<Status | undefined> {
  const response = await fetch(`http://${listen}/sinks/away`).catch(() => undefined);
  const answer = (await response?.json()) as { readonly items?: readonly Status[] } | undefined;
  return answer?.items?.[0];
}

async function measure(): Promise<void> {
  const load = new Load(cluster.client(), Math.min(rate, 1000));
  await wait(settle * 1000);
  await until(async () => ((await status())?.applied ?? 0) > 0);

  const [before, beganMs] = [load.records, performance.now()];
  await door.shut();
  memory.begin();
  load.rate = records / seconds;
  const awayMs = (): number => performance.now() - beganMs;
  await until(() => awayMs() >= seconds * 1000 && load.records - before >= records);
  const ingestPerSecond = ((load.records - before) * 1000) / awayMs();
  const curve = memory.curve();
  const awaySeconds = awayMs() / 1000;
  const away = await status();
  load.rate = rate;
  await door.open();

  const [backMs, appliedBefore] = [performance.now(), away?.applied ?? 0];
  const woken = await until(async () => {
    const now = await status();
    return now !== undefined && now.applied > appliedBefore ? now : undefined;
  });
  const [wokenMs, loadBefore] = [performance.now(), load.records];
  const level = await until(async () => {
    const now = await status();
    const isOver = performance.now() - wokenMs > seconds * 1000 * PATIENCE;
    return now !== undefined && (isOver || now.lag.records <= rate) ? now : undefined;
  });
  const caughtUpSeconds = (performance.now() - wokenMs) / 1000;
  const catchUpPerSecond = (level.applied - woken.applied) / caughtUpSeconds;
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

  const missing = load.records - (await place.arrived(load.records));
  const { itemsMax, bytesMax } = done.chunks;
  const round = (value: number): number => Number(value.toFixed(1));
  console.log(
    JSON.stringify({
      bench: "outage",
      to: values.to,
      awaySeconds: round(awaySeconds),
      stateAway: away?.state,
      lag: away?.lag.records,
      ingestPerSecond: Math.round(ingestPerSecond),
      memoryFirstMiB: round(curve.first),
      memoryLastMiB: round(curve.last),
      slopeMiBPerMinute: round(curve.slope),
      slopeOfSecondHalf: round(curve.late),
      memoryMaxMiB: round(memory.highest),
      backAfterSeconds: round((wokenMs - backMs) / 1000),
      caughtUp: level.lag.records <= rate,
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
