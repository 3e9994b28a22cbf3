import { RandomCluster } from "/work/wt-raft/packages/raft/test/support/randomCluster.ts";
const [from, to, steps] = process.argv.slice(2).map(Number);
let bad = 0;
const t0 = performance.now();
for (let seed = from!; seed <= to!; seed++) {
  const c = new RandomCluster(seed);
  try { c.run(steps ?? 3000); c.heal(); } catch (e) { bad++; console.log(seed, (e as Error).message.slice(0,6000)); if (from===to) { console.log((e as Error).stack); for (const m of (c as any).members ?? []) console.log(JSON.stringify(m.core.status())); } }
}
console.log("bad", bad, "of", to! - from! + 1, Math.round(performance.now() - t0), "ms");
