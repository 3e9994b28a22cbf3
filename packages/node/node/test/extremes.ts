import { KEYS, leastValue } from "@annals/config";
import type { KeySpec } from "@annals/config";

export type Level = "least" | "greatest";

/** A level for every key. */
export type Row = ReadonlyMap<string, Level>;

const FAMILIES = [
  "raft.max",
  "replication.",
  "batch.",
  "ingest.max",
  "query.max",
  "workers.maxQueueBytes",
];

/** The counts and sizes of what goes from an append to the disks of the followers. */
const SIZES: readonly KeySpec[] = KEYS.filter(
  ({ path, kind }) =>
    (kind === "count" || kind === "bytes") && FAMILIES.some((family) => path.startsWith(family)),
);

/** Below these a value is legal, and no record of any use can be appended. */
const USEFUL: Readonly<Record<string, number>> = {
  "ingest.maxRecordBytes": 512,
  "ingest.maxDecodeRatio": 4,
  "replication.blob.maxBytes": 1024,
};

/**
 * The flags of each node: every key at its least legal value beside the others, or at its greatest one. What is the same cluster-wide is at
 * the least that all of them allow.
 */
export function flagsOf(group: readonly Row[]): readonly Readonly<Record<string, string>>[] {
  const nodes = group.map((row) => ({ row, values: new Map<string, number>() }));
  // What must not exceed what forms chains; each pass settles one link more of them.
  for (const _pass of SIZES)
    for (const { path, scope } of SIZES) {
      const own = nodes.map(({ row, values }) => valueOf(path, row, values));
      const shared = scope === "cluster" ? Math.max(...own) : 0;
      for (const [k, { values }] of nodes.entries())
        values.set(path, Math.max(shared, own[k] ?? 0));
    }
  return nodes.map(({ values }) =>
    Object.fromEntries(
      SIZES.map(({ path, kind }) => [path, `${values.get(path)}${kind === "bytes" ? "B" : ""}`]),
    ),
  );
}

function valueOf(path: string, row: Row, values: ReadonlyMap<string, number>): number {
  if (row.get(path) === "greatest") return KEYS.find((spec) => spec.path === path)?.greatest ?? 1;
  return Math.max(1, USEFUL[path] ?? 1, leastValue(path, values));
}

/**
 * Rows in groups, one group a cluster, one row a node, so that any two keys meet at each two levels on some node. The keys that are the
 * same cluster-wide have one level in a group. Greedy: of some random rows the one that brings the most new pairs.
 */
export function pairwise(
  nodes: number,
  random: (below: number) => number,
): readonly (readonly Row[])[] {
  const missing = new Set(allPairs());
  const groups: Row[][] = [];
  while (missing.size > 0) {
    const group: Row[] = [];
    while (group.length < nodes) {
      const tries = Array.from({ length: 200 }, () => randomRow(group[0], random));
      const best = tries.reduce((a, b) => (gain(b, missing) > gain(a, missing) ? b : a));
      for (const pair of pairsOf(best)) missing.delete(pair);
      group.push(best);
    }
    groups.push(group);
  }
  return groups;
}

function randomRow(beside: Row | undefined, random: (below: number) => number): Row {
  return new Map(
    SIZES.map(({ path, scope }): [string, Level] => {
      const shared = scope === "cluster" ? beside?.get(path) : undefined;
      return [path, shared ?? (random(2) === 0 ? "least" : "greatest")];
    }),
  );
}

function gain(row: Row, missing: ReadonlySet<string>): number {
  return pairsOf(row).filter((pair) => missing.has(pair)).length;
}

function pairsOf(row: Row): readonly string[] {
  const levels = [...row].map(([path, level]) => `${path}=${level}`);
  return levels.flatMap((one, k) => levels.slice(k + 1).map((other) => `${one} ${other}`));
}

function allPairs(): readonly string[] {
  const both = SIZES.map(({ path }) => [`${path}=least`, `${path}=greatest`]);
  return both.flatMap((one, k) =>
    both.slice(k + 1).flatMap((other) => one.flatMap((a) => other.map((b) => `${a} ${b}`))),
  );
}
