/** Every call of every phase, and a sample of them. */
import { randomInt } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { numberArgument, programArguments } from "../programArguments.ts";
import { Refusals } from "./refusals.ts";
import type { RefusalsOptions } from "./refusals.ts";
import { seededRandom } from "../storage/randomCycles.ts";
import { COUNT, placeOf } from "./walk.ts";
import type { RefusalOutcome, RefusalPoints, RefusalWalk } from "./walk.ts";

const AT_A_TIME = 2;
/** Of the calls that were counted, those that another run surely makes: the time that things take decides about a few. */
const SURE_SHARE = 0.9;
/** Calls that one driver is given, since it takes more memory with each. */
const DRIVER_CALLS = 10;

const PROGRAM = "pnpm refusals";
const USAGE = `usage: ${PROGRAM} [--only TEXT] [--sample COUNT [--seed NUMBER] | --count] [--update]

Refuses the calls to the system of a log, then those of a node, one run after the other: the first call of a phase, the second, and so on
until a run ends without a refusal. After each the data must be as it was, nothing called damaged, nothing put aside.
KILL in the place of an error kills the process before a call that would change something.

  --only TEXT     only the phases and errors whose name contains it, such as "start ENOSPC"
  --sample COUNT  only so many calls of each phase and error, the last one among them; what was left out is printed
  --seed NUMBER   draws the same sample again
  --count         refuses none and counts them; a number that is kept is not lowered
  --update        keeps the numbers of calls that were found; without it a number that has fallen is a problem

examples:
  ${PROGRAM}
  ${PROGRAM} --only "roll"
  ${PROGRAM} --sample 5

exit code: 0 no harm was done, 1 some was, or a number has fallen, 2 wrong usage`;

/**
 * Refuses every call, prints how many there are, and what went wrong. The exit code is 1 when one does harm, or when there are fewer than
 * the file `kept` says, which `--update` rewrites. `--only TEXT` keeps the places that contain it, `--sample COUNT` a few calls of each.
 */
export async function refuseAll(options: RefusalsOptions, kept: string): Promise<void> {
  const { values } = programArguments(PROGRAM, USAGE, {
    update: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    count: { type: "boolean", default: false },
    sample: { type: "string" },
    seed: { type: "string" },
  });
  const { only, update, count } = values;
  const sample = sampleOf(values.sample, values.seed);
  const refusals = await Refusals.prepare(options);
  if (refusals === undefined) throw new Error("there is no C compiler");
  const points = readPoints(kept);
  const found: Record<string, number> = {};
  const problems: string[] = [];
  let leftOut = 0;
  const left = options.phases
    .flatMap((phase) => options.errnos.map((errno) => ({ phase, errno })))
    .filter(({ phase, errno }) => placeOf(phase, errno).includes(only));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const place = placeOf(next.phase, next.errno);
      if (count) {
        const outcomes = await refusals.walk({ ...next, from: COUNT, to: COUNT });
        // Of a phase whose calls are chosen by something else there is nothing to count.
        const counted = Math.floor(SURE_SHARE * (outcomes[0]?.calls ?? 0));
        found[place] = Math.max(points[place] ?? 0, counted);
        console.log(`${place}: ${found[place]} points`);
        problems.push(...problemsOf(place, outcomes));
        continue;
      }
      const known = points[place] ?? 0;
      const calls = sample === undefined ? undefined : sampledCalls(known, sample);
      const hits: RefusalOutcome[] = [];
      for (const walk of calls === undefined ? everyCall() : eachOf(calls)) {
        const outcomes = await refusals.walk({ ...next, ...walk });
        hits.push(...outcomes.filter(({ hit }) => hit !== undefined));
        const bad = problemsOf(place, outcomes);
        problems.push(...bad);
        for (const problem of bad) console.log(problem);
        if (outcomes.at(-1)?.hit === undefined) break;
      }
      const skipped = calls === undefined ? 0 : known - calls.length;
      found[place] = calls === undefined ? hits.length : (hits.at(-1)?.n ?? 0);
      leftOut += skipped;
      console.log(`${place}: ${hits.length} points${skipped > 0 ? `, ${skipped} left out` : ""}`);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  refusals.close();
  const total = Object.values(found).reduce((sum, count) => sum + count, 0) - leftOut;
  const omitted = sample === undefined ? "" : `, ${leftOut} left out (--seed ${sample.seed})`;
  console.log(`${total} points${omitted}, ${problems.length} problems`);
  if (update && sample === undefined) {
    const all = { ...readPoints(kept), ...found };
    writeFileSync(kept, `${JSON.stringify(all, Object.keys(all).toSorted(), 2)}\n`);
  } else {
    const fallen = fallenPoints(points, found, only);
    for (const one of fallen) console.log(one);
    problems.push(...fallen);
  }
  if (problems.length > 0) process.exitCode = 1;
}

type Calls = Pick<RefusalWalk, "from" | "to">;

/** Every call there may be. */
function* everyCall(): Generator<Calls> {
  for (let from = 1; ; from += DRIVER_CALLS) yield { from, to: from + DRIVER_CALLS - 1 };
}

function eachOf(calls: readonly number[]): readonly Calls[] {
  return calls.map((n) => ({ from: n, to: n }));
}

interface Sample {
  readonly count: number;
  readonly seed: number;
}

function sampleOf(count: string | undefined, seed: string | undefined): Sample | undefined {
  if (count === undefined) return undefined;
  return {
    count: numberArgument(PROGRAM, "--sample", count),
    seed: seed === undefined ? randomInt(2 ** 31) : numberArgument(PROGRAM, "--seed", seed, 0),
  };
}

/** The last of `points` calls, which tells when there are fewer, and others by the seed; ascending. */
export function sampledCalls(points: number, { count, seed }: Sample): readonly number[] {
  const random = seededRandom(seed);
  const calls = new Set(points > 0 ? [points] : []);
  while (calls.size < Math.min(count, points)) calls.add(1 + random(points));
  return [...calls].toSorted((a, b) => a - b);
}

/** The places of which fewer calls were found than are kept. */
export function fallenPoints(
  kept: RefusalPoints,
  found: RefusalPoints,
  only = "",
): readonly string[] {
  return Object.entries(kept)
    .filter(([place, count]) => place.includes(only) && (found[place] ?? 0) < count)
    .map(([place, count]) => `${place}: ${found[place] ?? 0} points, there were ${count}`);
}

export function readPoints(path: string): RefusalPoints {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** A few calls at a place that the seed decides. */
export function drawRefusals(
  points: RefusalPoints,
  calls: number,
  random: (below: number) => number,
): RefusalWalk {
  const places = Object.entries(points).filter(([, count]) => count > 0);
  const [place = "", count = 0] = places[random(places.length)] ?? [];
  const [phase = "", errno = ""] = place.split(" ");
  if (count === 0) throw new Error("no calls are kept");
  const from = 1 + random(count);
  return { phase, errno, from, to: Math.min(count, from + calls - 1) };
}

function problemsOf(place: string, outcomes: readonly RefusalOutcome[]): readonly string[] {
  return outcomes.flatMap(({ n, hit, problem }) =>
    problem === undefined ? [] : [`${place} ${n} (${hit}): ${problem}`],
  );
}
