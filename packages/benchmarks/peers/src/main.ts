/**
 * Annals beside its peers, each as a cluster of three on this machine, in one run: `pnpm bench:peers`.
 *
 * Every round runs all of them, one after the other and each from an empty directory; a figure is the median of the rounds. A peer that is
 * not installed is left out by name. Prints tables in Markdown.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "@annals/drill";
import { numberArgument, programArguments, runMain } from "@annals/kit";
import { BenchError, fileSystemOf } from "@annals/load";
import { figureText, markdownTable, provenance, writeSection } from "@annals/standard";
import { ANNALS } from "./annals.ts";
import { ETCD } from "./etcd.ts";
import { natsPeer } from "./nats.ts";
import type { Peer, PeerLoad } from "./peer.ts";
import { REDIS } from "./redis.ts";

const WORKLOADS = [
  { what: "one record a request, 1 in flight", recordsPerRequest: 1, inFlight: 1 },
  { what: "one record a request, 64 in flight", recordsPerRequest: 1, inFlight: 64 },
  { what: "one record a request, 1024 in flight", recordsPerRequest: 1, inFlight: 1024 },
  { what: "500 records a request, 8 in flight", recordsPerRequest: 500, inFlight: 8 },
  { what: "500 records a request, 16 in flight", recordsPerRequest: 500, inFlight: 16 },
] as const;

const PROGRAM = "pnpm bench:peers";
const HELP = `usage: ${PROGRAM} [--only NAMES] [--rounds N] [--quick] [--write] [--data DIR]

Annals beside etcd, NATS and Redis, as far as they are installed, each as a cluster of three on this machine, in one run.

  --only NAMES  these, with commas between: annals, etcd, nats, redis
  --rounds N    how often all of them run, one after the other (default 3); a figure is the median
  --quick       only shows that everything runs
  --write       puts the tables into docs/benchmarks/README.md
  --data DIR    where the clusters keep their data (default: the directory for temporary files)

NATS_SERVER names another NATS than that on the PATH.

examples:
  pnpm bench:peers --only annals,etcd --rounds 1
  NATS_SERVER=/opt/nats/nats-server pnpm bench:peers --write

exit code: 0 measured, 1 it could not be, 2 wrong usage, 130 interrupted`;

const { values } = programArguments(PROGRAM, HELP, {
  only: { type: "string" },
  rounds: { type: "string", default: "3" },
  quick: { type: "boolean", default: false },
  data: { type: "string" },
  write: { type: "boolean", default: false },
});
const rounds = numberArgument(PROGRAM, "--rounds", values.rounds);
const extent = values.quick
  ? { rounds: 1, warmUpMs: 1_000, durationMs: 1_000, records: 10_000 }
  : { rounds, warmUpMs: 2_000, durationMs: 5_000, records: 1_000_000 };
const nats = process.env["NATS_SERVER"] ?? "nats-server";
const known: readonly Peer[] = [
  ANNALS,
  ETCD,
  natsPeer("always", nats),
  natsPeer("default", nats),
  REDIS,
];
const wanted = values.only?.split(",");

/** By table, row and peer, one value a round. */
type Figures = Map<string, Map<string, Map<string, number[]>>>;

const RATES = "records per second";
const MEDIANS = "latency, p50, ms";
const TAILS = "latency, p99, ms";
const CPU = "CPU seconds per million records, all three nodes and the client";
const OTHERS = "a follower that comes back, a reader, memory";

await runMain(async (signal) => {
  const chosen = known.filter(
    ({ name }) => wanted?.some((one) => name.toLowerCase().startsWith(one.toLowerCase())) ?? true,
  );
  if (chosen.length === 0)
    throw new BenchError("ERR_BENCH_OPTIONS", `--only ${values.only}: nobody`);
  const there: Peer[] = [];
  const titles: string[] = [];
  for (const peer of chosen) {
    const found = peer.available();
    if (found.kind === "available") there.push(peer);
    titles.push(
      found.kind === "available"
        ? `- ${peer.name} ${found.version}: ${peer.durability}.`
        : `- ${peer.name}: skipped, ${found.why}.`,
    );
  }
  const figures: Figures = new Map();
  for (let round = 1; round <= extent.rounds; round++)
    for (const peer of there) await measure(peer, round, figures, signal);
  const { date, commit, machine } = provenance();
  const { cores, cpu, memoryGiB, kernel, node } = machine;
  const text =
    `${date}, commit ${commit}; ${cores} cores (${cpu}), ${memoryGiB} GiB, Linux ${kernel}, Node ${node}; data on ` +
    `${fileSystemOf(values.data ?? tmpdir())}; medians of ${extent.rounds}.\n\n${titles.join("\n")}\n\n${tablesOf(figures, there)}`;
  console.log(text);
  if (values.write) writeSection("bench:peers", text);
});

async function measure(
  peer: Peer,
  round: number,
  figures: Figures,
  signal: AbortSignal,
): Promise<void> {
  const directory = mkdtempSync(join(values.data ?? tmpdir(), "annals-peers-"));
  const add = (table: string, row: string, value: number): void => {
    const rows = getOrMake(figures, table, () => new Map<string, Map<string, number[]>>());
    const cells = getOrMake(rows, row, () => new Map<string, number[]>());
    getOrMake(cells, peer.name, () => []).push(value);
  };
  const note = (what: string): void =>
    console.error(`bench: round ${round}, ${peer.name}: ${what}`);
  note("starts");
  try {
    const running = await peer.start(directory, signal);
    try {
      note("catching up");
      const caughtUp = await running.catchUp(extent.records, signal);
      add(OTHERS, `catching up with ${figureText(extent.records)} records, records/s`, caughtUp);
      note("replay");
      add(OTHERS, "replay of these by one consumer, records/s", await running.replay(signal));
      let peakRssMiB = 0;
      for (const { what, recordsPerRequest, inFlight } of WORKLOADS) {
        note(what);
        const load: PeerLoad = { recordsPerRequest, inFlight, ...extent, signal };
        const result = await running.append(load);
        peakRssMiB = Math.max(peakRssMiB, result.peakRssMiB);
        add(RATES, what, result.recordsPerSecond);
        add(MEDIANS, what, result.p50Ms);
        add(TAILS, what, result.p99Ms);
        add(CPU, what, result.cpuSecondsPerMillion);
      }
      add(OTHERS, "largest node while appending, resident, MiB", peakRssMiB);
    } finally {
      await running.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function tablesOf(figures: Figures, peers: readonly Peer[]): string {
  const tables = [RATES, MEDIANS, TAILS, CPU, OTHERS].map((title) => {
    const rows = figures.get(title) ?? new Map<string, Map<string, number[]>>();
    const cells = [...rows].map(([row, values]) => [
      row,
      ...peers.map(({ name }) => {
        const found = values.get(name);
        return found === undefined ? "–" : figureText(median(found));
      }),
    ]);
    return markdownTable([title, ...peers.map(({ name }) => name)], cells);
  });
  return tables.join("\n");
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
