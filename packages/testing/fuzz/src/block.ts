import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "@annals/kit";
import { mutate } from "./mutate.ts";
import type { FuzzTarget } from "./target.ts";

/** So many inputs have one seed: enough to build on what was found, few enough to repeat. */
export const BLOCK_INPUTS = 20_000;
const CORPUS_MAX = 512;
const SLOW_MS = 50;
/** A pause of the machine, or the collector's, strikes once. */
const ATTEMPTS = 4;
/**
 * What reading leaves behind for the collector may be so many times what it may keep. After a million odd inputs V8 has given up on some
 * functions, and boxes every number: 8 bytes of garbage per byte of input were 139 then.
 */
const GARBAGE_FACTOR = 4;
const SHRINK_TRIES_MAX = 2_000;

export interface BlockReport {
  readonly seed: number;
  readonly inputs: number;
  /** How often each outcome came. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  /** The most that an input was seen to cost in bytes, beyond what was collected meanwhile. */
  readonly mostBytes: number;
  readonly failure: { readonly problem: string; readonly input: Uint8Array } | undefined;
}

/**
 * Reads `inputs` mutated inputs. Whatever meets a new outcome joins the corpus, so that later ones start from there. Ends at the first
 * failure, with a smaller input that fails as well. `slowMs` is what an input may take.
 */
export async function fuzzBlock(
  target: FuzzTarget,
  seed: number,
  inputs: number,
  slowMs: number = SLOW_MS,
): Promise<BlockReport> {
  const random = new Random(seed);
  const samples = target.samples(random);
  const corpus = [...samples];
  const outcomes: Record<string, number> = {};
  let slowestMs = 0;
  let mostBytes = 0;
  let done = 0;
  let failure: BlockReport["failure"];
  for (; done < inputs && failure === undefined; done++) {
    const input = mutate(random.pick(random.chance(0.5) ? samples : corpus), corpus, random);
    const seen = await attempt(target, input, slowMs);
    slowestMs = Math.max(slowestMs, seen.ms);
    mostBytes = Math.max(mostBytes, seen.bytes);
    if (seen.problem !== undefined) {
      failure = { problem: seen.problem, input: await shrink(target, input, slowMs) };
    } else if (outcomes[seen.outcome] === undefined || isKeeper(seen, random)) {
      if (corpus.length < CORPUS_MAX) corpus.push(input);
      else corpus[random.below(CORPUS_MAX)] = input;
    }
    outcomes[seen.outcome] = (outcomes[seen.outcome] ?? 0) + 1;
  }
  return { seed, inputs: done, outcomes, slowestMs, mostBytes, failure };
}

/** What was accepted is worth changing again. */
function isKeeper({ outcome }: Attempt, random: Random): boolean {
  return outcome === "accepted" && random.chance(0.05);
}

interface Attempt {
  readonly outcome: string;
  readonly ms: number;
  /** Kept, or all that it took if nothing was collected. */
  readonly bytes: number;
  readonly garbage: number;
  readonly problem: string | undefined;
}

/** Slow or large by chance once is not slow or large: such an input is read again, and its best counts. */
async function attempt(target: FuzzTarget, input: Uint8Array, slowMs: number): Promise<Attempt> {
  const allowed = target.allowedBytes(input.length);
  let best: Attempt | undefined;
  for (let k = 0; k < ATTEMPTS; k++) {
    // What is left after a collection is kept for good, or is what the caller got.
    const seen = await readOnce(target, input, k > 0);
    if (seen.problem !== undefined) return seen;
    best = {
      ...seen,
      ms: Math.min(seen.ms, best?.ms ?? seen.ms),
      bytes: Math.min(seen.bytes, best?.bytes ?? seen.bytes),
      garbage: Math.min(seen.garbage, best?.garbage ?? seen.garbage),
    };
    if (best.ms <= slowMs && best.bytes <= allowed && best.garbage <= GARBAGE_FACTOR * allowed)
      return best;
  }
  const { ms = 0, bytes = 0, garbage = 0, outcome = "" } = best ?? {};
  const problem =
    ms > slowMs
      ? `took ${ms.toFixed(0)} ms for ${input.length} bytes (${outcome})`
      : `cost ${bytes} bytes, and ${garbage} with garbage, for ${input.length}, allowed are ${allowed} (${outcome})`;
  return { outcome, ms, bytes, garbage, problem };
}

async function readOnce(target: FuzzTarget, input: Uint8Array, collect: boolean): Promise<Attempt> {
  if (collect) collectGarbage();
  const before = heldBytes();
  const start = performance.now();
  const { user, system } = process.threadCpuUsage();
  try {
    const result = target.read(input);
    const isDone = typeof result === "string";
    const cpu = process.threadCpuUsage({ user, system });
    const outcome = isDone ? result : await result;
    // What is not done in one go is done by other threads, too: only the clock knows of them.
    const ms = isDone ? (cpu.user + cpu.system) / 1000 : performance.now() - start;
    const garbage = Math.max(0, heldBytes() - before);
    if (collect) collectGarbage();
    const bytes = Math.max(0, heldBytes() - before);
    return { outcome, ms, bytes, garbage, problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { outcome: "failed", ms: 0, bytes: 0, garbage: 0, problem };
  }
}

function heldBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

let collector: (() => void) | undefined;

function collectGarbage(): void {
  if (collector === undefined) {
    setFlagsFromString("--expose-gc");
    collector = runInNewContext("gc") as () => void;
  }
  collector();
}

/** Leaves out parts, smaller and smaller ones, as long as it still fails. */
async function shrink(target: FuzzTarget, input: Uint8Array, slowMs: number): Promise<Uint8Array> {
  let smallest = input;
  let tries = 0;
  for (let part = input.length >> 1; part >= 1; part >>= 1) {
    for (let at = 0; at < smallest.length && tries < SHRINK_TRIES_MAX; ) {
      const shorter = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + part)]);
      tries++;
      if ((await attempt(target, shorter, slowMs)).problem === undefined) at += part;
      else smallest = shorter;
    }
  }
  return smallest;
}
