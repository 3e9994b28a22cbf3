/**
 * `pnpm overload [--seconds S]`: a cluster of three processes is offered ten times what it can take. Short closed loops find how many
 * requests at a time are best; that loop then goes on for half of the time before the overload and for the other half after it, so that it
 * is compared with what the machine sustains for as long, and other programs and the disk count on both sides. The open loop between
 * offers ten times as much, over more connections than the budgets have room for. What was accepted, refused and how long it took is
 * printed, with the memory of the nodes, and every record that was acknowledged must be in the log once, where it was said to be. The load
 * runs on the same machine as the nodes and takes a part of it.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { countText, numberArgument, programArguments } from "@annals/kit";
import { cpuSeconds, startThrowAway } from "@annals/load";
import { LoadGenerator } from "./generator.ts";
import { LoadLedger, readStored } from "./ledger.ts";
import { MemoryWatch } from "./memoryWatch.ts";
import type { Outcomes } from "./outcomes.ts";
import { RequestStamp } from "./requests.ts";

const SECONDS_DEFAULT = 60;
const SEARCH_SECONDS = 8;
const FACTOR = 10;
/** Accepted under overload, as a share of what is sustained. */
const LEAST_SHARE = 0.9;
/** As many as the SDK's writer puts into a request. */
const RECORDS = 500;
const RECORD_BYTES = 256;
/** Room for some sixty requests, and several times as many connections. */
const SETTINGS = `ingest: { maxBodyBytes: 1MiB, maxPendingBytes: 8MiB }\nworkers: { count: 1 }\n`;
const CONNECTIONS = 300;
/** Points of memory while the overload lasts, each the highest of its part. */
const CURVE_PARTS = 6;
const SEARCHED = [8, 16, 32] as const;
const MEBIBYTE = 2 ** 20;

const PROGRAM = "pnpm overload";
const HELP = `usage: ${PROGRAM} [--seconds S]

Offers a cluster of three processes ten times what it can take, and holds what it answered against what is in the log.

  --seconds S  how long the overload lasts, and as long again a closed loop, half of it before and half after (default ${SECONDS_DEFAULT})

examples:
  pnpm overload
  pnpm overload --seconds 20

exit code: 0 refused well, 1 not so, 2 wrong usage`;

const { values } = programArguments(PROGRAM, HELP, {
  seconds: { type: "string", default: String(SECONDS_DEFAULT) },
});
const seconds = numberArgument(PROGRAM, "--seconds", values.seconds);
const cluster = await startThrowAway({
  entry: join(import.meta.dirname, "../../../../apps/cli/dist/main.js"),
  nodes: 3,
  settings: SETTINGS,
});
const ledger = new LoadLedger(RECORDS);
const pids = [...cluster.processes.nodes.values()].flatMap(({ pid }) =>
  pid === undefined ? [] : [pid],
);
const memory = new MemoryWatch(pids);
let exitCode = 1;
try {
  exitCode = (await overload()) ? 0 : 1;
} finally {
  memory.close();
  await cluster.close();
}
process.exit(exitCode);

/** Requests accepted per second, and per second of CPU of all nodes together. */
interface Rates {
  readonly perSecond: number;
  readonly perCore: number;
}

async function overload(): Promise<boolean> {
  const bytes = countText(new RequestStamp(RECORDS, RECORD_BYTES).byteLength);
  console.log(`three nodes, requests of ${RECORDS} records (${bytes} bytes of JSON) to the leader`);
  console.log(
    "phase                    offered/s  accepted/s   records/s    p50 ms    p99 ms  anonymous memory, largest node, MiB",
  );
  let next = 0;
  const phase = async (
    name: string,
    connections: number,
    forSeconds: number,
    offeredPerSecond?: number,
  ): Promise<Rates> => {
    const before = memory.now();
    memory.takeCurve(1);
    const cpuBefore = cpu();
    const generator = generatorOf(connections, forSeconds, next);
    const began = performance.now();
    const outcomes = await (offeredPerSecond === undefined
      ? generator.closedLoop()
      : generator.openLoop(offeredPerSecond));
    next = generator.next;
    const tookSeconds = (performance.now() - began) / 1000;
    const curve = memory.takeCurve(offeredPerSecond === undefined ? 1 : CURVE_PARTS);
    const memories = [before, ...curve, memory.now()].map(mebibytes).join(" → ");
    console.log(`${phaseLine(name, outcomes)}  ${memories}`);
    const used = cpu().map((total, k) => (total - (cpuBefore[k] ?? 0)) / tookSeconds);
    const [load = 0, ...nodes] = used;
    const perSecond = outcomes.accepted / outcomes.acceptedSeconds;
    const perCore = outcomes.accepted / tookSeconds / nodes.reduce((sum, cores) => sum + cores, 0);
    console.log(
      `  cores used: nodes ${nodes.map((cores) => cores.toFixed(2)).join(", ")}; load ${load.toFixed(2)}; of ` +
        `${availableParallelism()}; accepted in a second of the nodes' CPU: ${perCore.toFixed(0)}`,
    );
    for (const [code, count] of outcomes.others) console.log(`  ${countText(count)} × ${code}`);
    if (outcomes.unsent > 0)
      console.log(`  ${countText(outcomes.unsent)} × not sent: every connection was busy`);
    return { perSecond, perCore };
  };
  await phase("warm-up", 32, 3);
  const search: (Rates & { readonly connections: number })[] = [];
  for (const connections of SEARCHED)
    search.push({
      connections,
      ...(await phase(closed(connections), connections, SEARCH_SECONDS)),
    });
  const best = search.toSorted((one, other) => other.perSecond - one.perSecond)[0];
  if (best === undefined) return false;
  const sustained = (): Promise<Rates> =>
    phase(closed(best.connections), best.connections, seconds / 2);
  const before = await sustained();
  const accepted = await phase(
    `open, ${FACTOR} times the best`,
    CONNECTIONS,
    seconds,
    FACTOR * best.perSecond,
  );
  console.log(await healthLine());
  // What V8 had not collected yet goes within seconds.
  await sleep(5_000);
  console.log(`five seconds later: ${mebibytes(memory.now())} MiB`);
  const after = await sustained();
  const share = (2 * accepted.perSecond) / (before.perSecond + after.perSecond);
  const perCore = (2 * accepted.perCore) / (before.perCore + after.perCore);
  const ofBest = percent(accepted.perSecond / best.perSecond);
  console.log(
    `accepted under overload: ${percent(share)} of what was sustained before and after, ${ofBest} of the best ${SEARCH_SECONDS} s; ` +
      `in a second of the nodes' CPU, of which other programs took more or less meanwhile: ${percent(perCore)}`,
  );
  const problems = await ledger.verify(readStored(`http://${cluster.leader}`));
  for (const problem of problems) console.log(problem);
  const counts = (["accepted", "refused", "unknown"] as const).map(
    (kind) => `${countText(ledger.count(kind))} ${kind}`,
  );
  const sound =
    "every acknowledged record is there once, where it was said to be; nothing refused is";
  console.log(`${counts.join(", ")}: ${problems.length === 0 ? sound : "WRONG"}`);
  return problems.length === 0 && share >= LEAST_SHARE;
}

/** Whether heartbeats had their turn: how late the leader's main thread came to its work, and how many leaders the log has had. */
async function healthLine(): Promise<string> {
  const text = await (await fetch(`http://${cluster.leader}/metrics`)).text();
  const value = (sample: string): number =>
    Number(text.slice(text.indexOf(`\n${sample} `) + sample.length + 2).split("\n", 1)[0]);
  const delay = (quantile: string): string =>
    (1000 * value(`annals_event_loop_delay_seconds{quantile="${quantile}"}`)).toFixed(0);
  return (
    `the leader's main thread is late by ${delay("0.5")} ms (p50), ${delay("0.99")} ms (p99), ${delay("1")} ms at most; ` +
    `leaders of the log so far: ${value('annals_log_elections_total{log="audit"}')}`
  );
}

/** CPU seconds so far of this process and of the nodes. */
function cpu(): readonly number[] {
  return [process.pid, ...pids].map(cpuSeconds);
}

function generatorOf(connections: number, forSeconds: number, first: number): LoadGenerator {
  return new LoadGenerator(
    {
      addresses: [cluster.leader],
      connections,
      seconds: forSeconds,
      source: () => {
        const stamp = new RequestStamp(RECORDS, RECORD_BYTES);
        return (k) => stamp.stamped(k * RECORDS);
      },
      onOutcome: (k, outcome) => ledger.add(k, outcome),
    },
    first,
  );
}

function phaseLine(name: string, outcomes: Outcomes): string {
  const { acceptedSeconds } = outcomes;
  const cells = [
    (outcomes.offered / acceptedSeconds).toFixed(0),
    (outcomes.accepted / acceptedSeconds).toFixed(0),
    countText(Math.round((outcomes.accepted * RECORDS) / acceptedSeconds)),
    outcomes.percentile(0.5).toFixed(0),
    outcomes.percentile(0.99).toFixed(0),
  ];
  const widths = [11, 12, 12, 10, 10];
  return name.padEnd(23) + cells.map((cell, k) => cell.padStart(widths[k] ?? 0)).join("");
}

function closed(connections: number): string {
  return `closed, ${connections} at a time`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function mebibytes(bytes: number): string {
  return (bytes / MEBIBYTE).toFixed(0);
}
