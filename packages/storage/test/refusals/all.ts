/**
 * Refuses every call to the system that a log makes in each phase, and prints how many there are; fails when one does harm, or when there
 * are fewer than `points.json` says, which `--update` rewrites.
 *
 *     node --conditions=annals-source packages/storage/test/refusals/all.ts [--update]
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ERRNOS, PHASES } from "./points.ts";
import type { Errno, Phase } from "./points.ts";
import { Refusals } from "./refusals.ts";

const KEPT = join(import.meta.dirname, "points.json");
const AT_A_TIME = 2;

const refusals = await Refusals.prepare();
if (refusals === undefined) throw new Error("there is no C compiler");
const found: Record<string, number> = {};
const problems: string[] = [];

async function walk(from: Refusals, phase: Phase, errno: Errno): Promise<void> {
  const outcomes = await from.walk({ phase, errno, from: 1, to: Number.MAX_SAFE_INTEGER });
  const count = outcomes.filter(({ hit }) => hit !== undefined).length;
  found[`${phase} ${errno}`] = count;
  console.log(`${phase} ${errno}: ${count} points`);
  for (const { n, hit, problem } of outcomes)
    if (problem !== undefined) problems.push(`${phase} ${errno} ${n} (${hit}): ${problem}`);
}

const left = PHASES.flatMap((phase) => ERRNOS.map((errno) => ({ phase, errno })));
await Promise.all(
  Array.from({ length: AT_A_TIME }, async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift())
      await walk(refusals, next.phase, next.errno);
  }),
);
refusals.close();
const total = Object.values(found).reduce((sum, count) => sum + count, 0);
console.log(`${total} points, ${problems.length} problems`);
if (process.argv.includes("--update"))
  writeFileSync(KEPT, `${JSON.stringify(found, Object.keys(found).toSorted(), 2)}\n`);
else {
  const kept: Readonly<Record<string, number>> = JSON.parse(readFileSync(KEPT, "utf8"));
  for (const [key, count] of Object.entries(kept))
    if ((found[key] ?? 0) < count)
      problems.push(`${key}: ${found[key]} points, there were ${count}`);
}
if (problems.length > 0) {
  console.log(problems.join("\n"));
  process.exitCode = 1;
}
