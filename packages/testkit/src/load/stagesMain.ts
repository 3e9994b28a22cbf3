/**
 * Where the CPU of an append goes: microseconds per record by thread and module, over three nodes and what loads them.
 * `pnpm bench:stages [--seconds S]`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countText } from "../countText.ts";
import { nowUs, readProfiles, stagesOf } from "./cpuProfile.ts";
import type { Stage } from "./cpuProfile.ts";
import { LoadGenerator } from "./generator.ts";
import { startLoadCluster } from "./loadCluster.ts";
import type { LoadCluster } from "./loadCluster.ts";
import { appendRequest, bodyOf } from "./requests.ts";
import { secondsArgument } from "./secondsArgument.ts";

const SECONDS_DEFAULT = 8;
const WARM_UP_SECONDS = 3;
const RECORD_BYTES = 256;
/** Records in a request, and requests on their way. */
const LOADS = [
  { records: 500, connections: 16 },
  { records: 1, connections: 64 },
] as const;
/** Modules that take less than this share of their thread are not told, nor are threads that take less of everything. */
const SHARE_MIN = 0.02;

interface Thread {
  readonly name: string;
  readonly stages: readonly Stage[];
}

const seconds = secondsArgument(process.argv.slice(2), SECONDS_DEFAULT);
for (const { records, connections } of LOADS) await measure(records, connections);

async function measure(records: number, connections: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "annals-stages-"));
  const cluster = await startLoadCluster(3, "", {
    NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}`,
  });
  try {
    const request = appendRequest("msgpack", bodyOf("msgpack", 0, records, RECORD_BYTES));
    const options = { addresses: [cluster.leader], connections, source: () => () => request };
    await new LoadGenerator({ ...options, seconds: WARM_UP_SECONDS }).closedLoop();
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    const fromUs = nowUs();
    const outcomes = await new LoadGenerator({ ...options, seconds }).closedLoop();
    const window = { fromUs, toUs: nowUs() };
    const { profile } = await session.post("Profiler.stop");
    session.disconnect();
    const pids = pidsOf(cluster);
    // A profile is written by a thread that ends in peace.
    await Promise.all([...cluster.processes.nodes.values()].map((node) => node.stop()));
    const appended = outcomes.accepted * records;
    console.log(
      `\n${records} records a request, ${connections} on their way, msgpack: ` +
        `${countText(Math.round(appended / seconds))} records per second`,
    );
    const nodes = (await readProfiles(directory)).map((one) => ({
      name: `${pids.get(one.pid) ?? "?"}, ${one.thread === 0 ? "gateway" : `worker ${one.thread}`}`,
      stages: stagesOf(one.profile, window),
    }));
    print([{ name: "client", stages: stagesOf(profile, window) }, ...nodes], appended);
  } finally {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function pidsOf({ processes, leader }: LoadCluster): ReadonlyMap<number | undefined, string> {
  return new Map(
    [...processes.nodes.values()].map(({ pid, address, id }) => [
      pid,
      `${address === leader ? "leader" : "follower"} ${id}`,
    ]),
  );
}

function print(threads: readonly Thread[], appended: number): void {
  const totals = threads.map(({ stages }) => stages.reduce((sum, { us }) => sum + us, 0));
  const all = totals.reduce((sum, us) => sum + us, 0);
  console.log(`all: ${(all / appended).toFixed(2)} µs per record`);
  for (const [k, { name, stages }] of threads.entries()) {
    const total = totals[k] ?? 0;
    if (total < all * SHARE_MIN) continue;
    console.log(`${name}: ${(total / appended).toFixed(2)}`);
    for (const stage of stages.filter(({ us }) => us >= total * SHARE_MIN))
      console.log(`  ${(stage.us / appended).toFixed(3).padStart(8)}  ${stage.name}`);
  }
}
