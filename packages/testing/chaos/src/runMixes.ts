import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChaosArguments } from "./arguments.ts";
import { FAULTS } from "./faultKinds.ts";
import type { Capability, FaultKind } from "./faultKinds.ts";
import { drawMix, MIXES } from "./mixes.ts";
import type { Mix } from "./mixes.ts";
import { probe } from "./probes.ts";
import { failure, progressLine, table, verdict } from "./report.ts";
import { runMix } from "./runMix.ts";
import type { MixResult } from "./runMix.ts";

const SEED_RANGE = 2 ** 31;
const HOUR_MS = 3_600_000;
const EXIT_INTERRUPTED = 130;

/** Runs what was asked for, prints a line a mix and the table; resolves with the exit code. */
export async function runMixes(options: ChaosArguments, signal: AbortSignal): Promise<number> {
  const root = await mkdtemp(join(tmpdir(), "annals-chaos-"));
  const results: MixResult[] = [];
  const skipped = new Map<FaultKind, string>();
  const emptied: string[] = [];
  try {
    const obstacles = await probe(join(root, "native"));
    for (const { mix, seed } of planned(options, performance.now.bind(performance))) {
      const permitted = permittedOf(mix, obstacles, skipped);
      if (permitted !== undefined)
        results.push(await runOne(options, permitted, seed, root, signal));
      else if (!emptied.includes(mix.name)) emptied.push(mix.name);
      // A mix that this machine does not permit will not be permitted the next time either.
      if (signal.aborted || (permitted === undefined && mix.name === options.mix)) break;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  const failed = results.some(({ violations }) => violations.length > 0);
  if (!options.keep && !failed) await rm(root, { recursive: true, force: true });
  console.log(`\n${table({ results, skipped, emptied })}`);
  if (signal.aborted) return EXIT_INTERRUPTED;
  return failed ? 1 : 0;
}

/** Every mix once; with `--hours` drawn ones after them, or the one that was asked for again and again, until the time is over. */
function* planned(
  { mix: name, seed, hours }: ChaosArguments,
  now: () => number,
): Generator<{ readonly mix: Mix; readonly seed: number }> {
  const deadline = now() + (hours ?? 0) * HOUR_MS;
  const first = seed ?? Math.floor(Math.random() * SEED_RANGE);
  const once = MIXES.filter((mix) => name === undefined || name === mix.name);
  const rounds = Math.max(once.length, 1);
  for (let round = 0; round < rounds || now() < deadline; round++) {
    const own = name === undefined ? once[round] : once[0];
    yield { mix: own ?? drawMix(first + round), seed: first + round };
  }
}

/** The mix without what this machine does not permit, which is noted; undefined when nothing is left. */
function permittedOf(
  mix: Mix,
  obstacles: ReadonlyMap<Capability, string | undefined>,
  skipped: Map<FaultKind, string>,
): Mix | undefined {
  const rates = Object.entries(mix.rates).filter(([name]) => {
    const kind = name as FaultKind;
    const obstacle = obstacles.get(FAULTS[kind].needs);
    if (obstacle !== undefined) skipped.set(kind, obstacle);
    return obstacle === undefined;
  });
  return rates.length === 0 ? undefined : { ...mix, rates: Object.fromEntries(rates) };
}

async function runOne(
  options: ChaosArguments,
  mix: Mix,
  seed: number,
  root: string,
  signal: AbortSignal,
): Promise<MixResult> {
  const directory = join(root, `${mix.name}-${seed}`);
  const live = process.stdout.isTTY;
  const result = await runMix({
    mix,
    seed,
    seconds: options.seconds,
    nodes: Array.from({ length: options.nodes }, (_, k) => String.fromCodePoint(0x61 + k)),
    directory,
    nativeDirectory: join(root, "native"),
    signal,
    onProgress: (progress) => {
      if (live) process.stdout.write(`\r\u001b[K${progressLine(mix.name, seed, progress)}`);
    },
  });
  const line = `${progressLine(mix.name, seed, result)} · ${verdict(result)}`;
  console.log(live ? `\r\u001b[K${line}` : line);
  if (result.violations.length > 0) {
    const { seconds, nodes } = options;
    const reproduce = `pnpm chaos --mix ${mix.name} --seed ${seed} --seconds ${seconds} --nodes ${nodes}`;
    console.log(failure(result, reproduce, directory));
  } else if (!options.keep) await rm(directory, { recursive: true, force: true });
  return result;
}
