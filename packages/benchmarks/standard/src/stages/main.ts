/** Where the CPU of an append goes: `pnpm bench:stages`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { numberArgument, programArguments, runMain } from "@annals/kit";
import { buildLoad, BUILT_COMMAND, Drive, STANDARD_SHAPE, throwAwayTarget } from "@annals/load";
import type { LoadShape, OwnTarget } from "@annals/load";
import { readProfiles, stagesOf } from "./cpuProfile.ts";
import type { Stage } from "./cpuProfile.ts";
import { OwnProfile } from "./ownProfile.ts";

const SECONDS_DEFAULT = 8;
const WARM_UP_MS = 3_000;
const LOADS: readonly LoadShape[] = [
  { ...STANDARD_SHAPE, recordsPerRequest: 500, inFlight: 16 },
  { ...STANDARD_SHAPE, inFlight: 64 },
  { ...STANDARD_SHAPE, inFlight: 1024 },
];
/** Modules that take less than this share of their thread are not told, nor are threads that take less of everything. */
const SHARE_MIN = 0.02;

interface Thread {
  readonly name: string;
  readonly stages: readonly Stage[];
}

const PROGRAM = "pnpm bench:stages";
const HELP = `usage: ${PROGRAM} [SECONDS]

Where the CPU of an append goes: microseconds per record by thread and module, over three nodes and what loads them, with three loads of
SECONDS each (default ${SECONDS_DEFAULT}).

examples:
  pnpm bench:stages
  pnpm bench:stages 20

exit code: 0 measured, 1 it could not be, 2 wrong usage, 130 interrupted`;

const { positionals } = programArguments(PROGRAM, HELP, {}, 1);
const seconds = numberArgument(PROGRAM, "SECONDS", positionals[0] ?? String(SECONDS_DEFAULT));
await runMain(async (signal) => {
  for (const shape of LOADS) await measure(shape, signal);
});

async function measure(shape: LoadShape, signal: AbortSignal): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "annals-stages-"));
  try {
    await profile(shape, directory, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** `directory` is where the nodes write their profiles. */
async function profile(shape: LoadShape, directory: string, signal: AbortSignal): Promise<void> {
  const target = await throwAwayTarget({
    entry: BUILT_COMMAND,
    nodes: 3,
    signal,
    env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${directory}` },
  });
  try {
    const addresses = await target.addresses();
    const pids = pidsOf(target, addresses[0]);
    const profiler = new OwnProfile();
    const { records } = await new Drive({
      carriers: buildLoad(shape, target.log, addresses).carriers,
      pace: { kind: "closed" },
      warmUpMs: WARM_UP_MS,
      durationMs: seconds * 1000,
      signal,
      onWindow: (edge) => (edge === "begin" ? profiler.begin() : profiler.end()),
    }).run();
    const { profile: own, window } = await profiler.result();
    // A profile is written by a thread that ends in peace.
    await Promise.all([...target.processes.nodes.values()].map((node) => node.stop()));
    console.log(
      `\n${shape.recordsPerRequest} records a request, ${shape.inFlight} in flight: ` +
        `${Math.round(records / seconds)} records per second`,
    );
    const nodes = (await readProfiles(directory)).map((one) => ({
      name: `${pids.get(one.pid) ?? "?"}, ${one.thread === 0 ? "gateway" : `worker ${one.thread}`}`,
      stages: stagesOf(one.profile, window),
    }));
    print([{ name: "client", stages: stagesOf(own, window) }, ...nodes], records);
  } finally {
    await target.close();
  }
}

function pidsOf(
  { nodes }: OwnTarget,
  leader: string | undefined,
): ReadonlyMap<number | undefined, string> {
  return new Map(
    nodes.map(({ pid, address, id }) => [
      pid(),
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
