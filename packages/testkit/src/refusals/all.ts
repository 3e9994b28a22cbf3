/** Every call of every phase, and a sample of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { programArguments } from "@annals/bench";
import { Refusals } from "./refusals.ts";
import type { RefusalsOptions } from "./refusals.ts";
import { placeOf } from "./walk.ts";
import type { RefusalOutcome, RefusalPoints, RefusalWalk } from "./walk.ts";

const AT_A_TIME = 2;

const PROGRAM = "pnpm refusals";
const USAGE = `usage: ${PROGRAM} [--only TEXT] [--update]

Refuses the calls to the system of a log, then those of a node, one run after the other: the first call of a phase, the second, and so on
until a run ends without a refusal. After each the data must be as it was, nothing called damaged, nothing put aside.

  --only TEXT  only the phases and errors whose name contains it, such as "start ENOSPC"
  --update     keeps the numbers of calls that were found; without it a number that has fallen is a problem

examples:
  ${PROGRAM}
  ${PROGRAM} --only "roll"

exit code: 0 no harm was done, 1 some was, or a number has fallen, 2 wrong usage`;

/**
 * Refuses every call, prints how many there are, and what went wrong. The exit code is 1 when one does harm, or when there are fewer than
 * the file `kept` says, which `--update` rewrites. `--only TEXT` keeps the places that contain it.
 */
export async function refuseAll(options: RefusalsOptions, kept: string): Promise<void> {
  const { values } = programArguments(PROGRAM, USAGE, {
    update: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  });
  const { only } = values;
  const refusals = await Refusals.prepare(options);
  if (refusals === undefined) throw new Error("there is no C compiler");
  const found: Record<string, number> = {};
  const problems: string[] = [];
  const left = options.phases
    .flatMap((phase) => options.errnos.map((errno) => ({ phase, errno })))
    .filter(({ phase, errno }) => placeOf(phase, errno).includes(only));
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const place = placeOf(next.phase, next.errno);
      const outcomes = await refusals.walk({ ...next, from: 1, to: Number.MAX_SAFE_INTEGER });
      found[place] = outcomes.filter(({ hit }) => hit !== undefined).length;
      console.log(`${place}: ${found[place]} points`);
      problems.push(...problemsOf(place, outcomes));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  refusals.close();
  const total = Object.values(found).reduce((sum, count) => sum + count, 0);
  console.log(`${total} points, ${problems.length} problems`);
  if (values.update) {
    const points = { ...readPoints(kept), ...found };
    writeFileSync(kept, `${JSON.stringify(points, Object.keys(points).toSorted(), 2)}\n`);
  } else problems.push(...fallenPoints(readPoints(kept), found, only));
  if (problems.length === 0) return;
  console.log(problems.join("\n"));
  process.exitCode = 1;
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
