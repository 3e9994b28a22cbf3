/** `pnpm chaos:rot`: bit rot on real LMDB files. Detected or harmless, repaired from peers, never a wrong byte. */
import { numberArgument, programArguments, Random } from "@annals/kit";
import { RotCluster } from "./rotCluster.ts";
import { ROT_KINDS } from "./rotDamage.ts";
import type { RotKind } from "./rotDamage.ts";
import { prepareOffline } from "./rotOffline.ts";
import { RotReport } from "./rotReport.ts";
import type { RotOutcome } from "./rotReport.ts";

const PROGRAM = "pnpm chaos:rot";
const USAGE = `usage: pnpm chaos:rot [--trials N] [--cluster-trials N] [--seed S]

Damages real files: bit flips, zeroed pages, cut files, damaged sidecars. First one log by itself, many times: opened and read in a process
of its own, then repaired from whoever has the entries. Then a cluster of three processes, of which one is damaged, or all, each elsewhere.

  --trials N           trials on one log (default 300); five in eight are bit flips
  --cluster-trials N   trials on the cluster (default 12)
  --seed S             where chance begins (default: the time of day); trial k has the seed S + k

examples:
  pnpm chaos:rot --trials 2000 --cluster-trials 0
  pnpm chaos:rot --trials 0 --cluster-trials 1 --seed 4711

exit code: 0 all passed, 1 a trial failed, 2 wrong usage`;

/** Of eight trials in a row. */
const MIX: readonly RotKind[] = [
  "flip",
  "flip",
  "zeroPage",
  "flip",
  "truncate",
  "flip",
  "sidecar",
  "metaFlip",
];

interface ClusterCase {
  readonly name: string;
  readonly kind: RotKind;
  readonly nodes: number;
  readonly hits: number;
}

const CLUSTER_CASES: readonly ClusterCase[] = [
  { name: "cluster: flips", kind: "flip", nodes: 1, hits: 8 },
  { name: "cluster: zeroPage", kind: "zeroPage", nodes: 1, hits: 1 },
  { name: "cluster: truncate", kind: "truncate", nodes: 1, hits: 1 },
  { name: "cluster: helical", kind: "flip", nodes: 3, hits: 3 },
  { name: "cluster: sidecar", kind: "sidecar", nodes: 1, hits: 1 },
  { name: "cluster: metaFlip", kind: "metaFlip", nodes: 1, hits: 1 },
];

async function main(): Promise<number> {
  const { values } = programArguments(PROGRAM, USAGE, {
    trials: { type: "string", default: "300" },
    "cluster-trials": { type: "string", default: "12" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
  });
  const trials = numberArgument(PROGRAM, "--trials", values.trials, 0);
  const clusterTrials = numberArgument(PROGRAM, "--cluster-trials", values["cluster-trials"], 0);
  const seed = numberArgument(PROGRAM, "--seed", values.seed, 0);
  const report = new RotReport();
  const tell = (name: string, own: number, cluster: boolean, outcome: RotOutcome): void => {
    report.add(name, outcome);
    const { result, what, failure } = outcome;
    console.log(
      `${own} ${name}: ${result} (${what})${failure === undefined ? "" : `: ${failure}`}`,
    );
    if (failure === undefined) return;
    const count = cluster ? "--trials 0 --cluster-trials 1" : "--trials 1 --cluster-trials 0";
    console.log(`REPRODUCE: pnpm chaos:rot ${count} --seed ${own}`);
  };
  console.log(`seed ${seed}, kinds ${ROT_KINDS.join(", ")}`);
  await offline(trials, seed, tell);
  await inCluster(clusterTrials, seed, tell);
  console.log(`\n${report.table()}\n`);
  console.log(`${report.passed} passed, ${report.failed} failed`);
  return report.failed > 0 ? 1 : 0;
}

type Tell = (name: string, seed: number, cluster: boolean, outcome: RotOutcome) => void;

/** The log is the same for every seed, so that a trial needs its own seed only. The kind is drawn from it, too. */
async function offline(trials: number, seed: number, tell: Tell): Promise<void> {
  if (trials === 0) return;
  const log = new Random(1);
  const rot = await prepareOffline((n) => log.below(n));
  try {
    for (let own = seed; own < seed + trials; own++) {
      const random = new Random(own);
      const kind = MIX[own % MIX.length] ?? "flip";
      tell(kind, own, false, await rot.trial(kind, (n) => random.below(n)));
    }
  } finally {
    await rot.close();
  }
}

async function inCluster(trials: number, seed: number, tell: Tell): Promise<void> {
  if (trials === 0) return;
  const log = new Random(1);
  let cluster = await RotCluster.start((n) => log.below(n));
  try {
    for (let own = seed; own < seed + trials; own++) {
      const random = new Random(own);
      const one = CLUSTER_CASES[own % CLUSTER_CASES.length];
      if (one === undefined) continue;
      const outcome = await cluster.trial(one.kind, one.nodes, one.hits, (n) => random.below(n));
      tell(one.name, own, true, outcome);
      if (outcome.failure === undefined) continue;
      await cluster.close();
      cluster = await RotCluster.start((n) => log.below(n));
    }
  } finally {
    await cluster.close();
  }
}

process.exitCode = await main();
