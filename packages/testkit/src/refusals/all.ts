/** Every call of every phase, and a sample of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { Refusals } from "./refusals.ts";
import type { RefusalsOptions } from "./refusals.ts";
import { placeOf } from "./walk.ts";
import type { RefusalOutcome, RefusalPoints, RefusalWalk } from "./walk.ts";

const AT_A_TIME = 2;

/**
 * Refuses every call, prints how many there are, and what went wrong. The exit code is 1 when one does harm, or when there are fewer than
 * the file `kept` says, which `--update` rewrites. `--only TEXT` keeps the places that contain it.
 */
export async function refuseAll(options: RefusalsOptions, kept: string): Promise<void> {
  const refusals = await Refusals.prepare(options);
  if (refusals === undefined) throw new Error("there is no C compiler");
  const only = argument("--only") ?? "";
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
  if (process.argv.includes("--update")) {
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

function argument(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function problemsOf(place: string, outcomes: readonly RefusalOutcome[]): readonly string[] {
  return outcomes.flatMap(({ n, hit, problem }) =>
    problem === undefined ? [] : [`${place} ${n} (${hit}): ${problem}`],
  );
}
