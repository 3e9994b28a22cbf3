import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArguments, USAGE } from "./arguments.ts";
import type { ChaosArguments } from "./arguments.ts";
import { FAULTS } from "./faultKinds.ts";
import type { FaultKind } from "./faultKinds.ts";
import { MIXES } from "./mixes.ts";
import type { Mix } from "./mixes.ts";
import { isInside, onOuterStop, prepareNetwork, reexec } from "./namespaces.ts";
import { probe } from "./probes.ts";
import { failure, progressLine, table, verdict } from "./report.ts";
import { runMix } from "./runMix.ts";
import type { MixResult } from "./runMix.ts";

const SEED_RANGE = 2 ** 31;
const HOUR_MS = 3_600_000;
const EXIT_INTERRUPTED = 130;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseArguments(argv);
  if (parsed.kind === "help") {
    console.log(USAGE);
    return 0;
  }
  if (parsed.kind === "wrong") {
    console.error(`chaos: ${parsed.problem}\n\n${USAGE}`);
    return 2;
  }
  const chosen = MIXES.filter(({ name }) => parsed.mix === undefined || parsed.mix === name);
  if (chosen.length === 0) {
    const names = MIXES.map(({ name }) => name).join(", ");
    console.error(`chaos: there is no mix "${parsed.mix}"; there are ${names}`);
    return 2;
  }
  if (!isInside()) {
    const code = await reexec();
    if (code !== undefined) return code;
  }
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  if (isInside()) {
    onOuterStop(stop);
    await prepareNetwork();
  }
  return runAll(parsed, chosen, stopping.signal);
}

async function runAll(
  options: ChaosArguments,
  mixes: readonly Mix[],
  signal: AbortSignal,
): Promise<number> {
  const root = await mkdtemp(join(tmpdir(), "annals-chaos-"));
  const obstacles = await probe(join(root, "native"));
  const skipped = new Map<FaultKind, string>();
  const results: MixResult[] = [];
  const emptied: string[] = [];
  const permitted = mixes.flatMap((mix) => {
    const rates = Object.entries(mix.rates).filter(([name]) => {
      const kind = name as FaultKind;
      const obstacle = obstacles.get(FAULTS[kind].needs);
      if (obstacle !== undefined) skipped.set(kind, obstacle);
      return obstacle === undefined;
    });
    if (rates.length === 0) emptied.push(mix.name);
    return rates.length === 0 ? [] : [{ ...mix, rates: Object.fromEntries(rates) }];
  });
  const firstSeed = options.seed ?? Math.floor(Math.random() * SEED_RANGE);
  const deadline = performance.now() + (options.hours ?? 0) * HOUR_MS;
  try {
    for (let round = 0; !signal.aborted && permitted.length > 0; round++) {
      const mix = permitted[round % permitted.length];
      const over =
        options.hours === undefined ? round >= permitted.length : performance.now() > deadline;
      if (over || mix === undefined) break;
      results.push(await runOne(options, mix, firstSeed + round, root, signal));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  if (!options.keep && results.every(({ violations }) => violations.length === 0))
    await rm(root, { recursive: true, force: true });
  console.log(`\n${table({ results, skipped, emptied })}`);
  if (signal.aborted) return EXIT_INTERRUPTED;
  return results.some(({ violations }) => violations.length > 0) ? 1 : 0;
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
    const reproduce = `pnpm chaos --mix ${mix.name} --seed ${seed} --seconds ${options.seconds} --nodes ${options.nodes}`;
    console.log(failure(result, reproduce, directory));
  } else if (!options.keep) await rm(directory, { recursive: true, force: true });
  return result;
}
