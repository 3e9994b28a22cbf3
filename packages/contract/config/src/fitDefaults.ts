import { memoryBudget, shapeOf } from "./budget/budget.ts";
import { descriptorsNeeded } from "./budget/descriptors.ts";
import type { NodeConfig } from "./keys/nodeConfig.ts";
import { leastValue } from "./relations.ts";
import type { ResolvedValues } from "./relations.ts";

/** Logs for which the defaults leave room, unless not even the smallest ones do. */
const LOGS_WANTED = 4;
const MEBIBYTE = 2 ** 20;

/** Defaults that are lowered together, by halves, and how low. All of them may differ per node. */
const LEAST: Readonly<Record<string, number>> = {
  "raft.maxUncommittedBytes": 8 * MEBIBYTE,
  "replication.append.maxInflightBytes": 4 * MEBIBYTE,
  "replication.receive.maxQueueBytes": 8 * MEBIBYTE,
  "ingest.maxPendingBytes": 8 * MEBIBYTE,
  "ingest.maxHeldBytes": 8 * MEBIBYTE,
  "workers.maxHeapBytes": 64 * MEBIBYTE,
  "workers.maxQueueBytes": 16 * MEBIBYTE,
  "query.maxHeldBytes": 8 * MEBIBYTE,
  "subscribe.maxHeldBytes": 8 * MEBIBYTE,
};
const HALVES = 4;

/** Keys whose default follows `memory.limit`. */
export const FITTED_KEYS: ReadonlySet<string> = new Set(["workers.count", ...Object.keys(LEAST)]);

/**
 * Lowers the defaults of values that nobody has given until the node fits its `memory.limit`, with some logs more than it is born with:
 * first the number of workers, then caps by halves. What was given stays as it is. Returns the values that changed; where even the lowest
 * defaults do not fit, those, and the start is refused with the keys to lower.
 */
export function fitDefaults(
  values: ResolvedValues,
  given: ReadonlySet<string>,
  assemble: (values: ResolvedValues) => NodeConfig,
): ReadonlyMap<string, number> {
  const steps = loweredDefaults(values, given);
  const fits = (lowered: ReadonlyMap<string, number>, logs: number): boolean => {
    const config = assemble(new Map([...values, ...lowered]));
    const shape = shapeOf(config, Math.max(logs, config.logs.length));
    return memoryBudget(config, shape).bytes <= config.memory.limit;
  };
  return (
    steps.find((lowered) => fits(lowered, LOGS_WANTED)) ??
    steps.find((lowered) => fits(lowered, 0)) ??
    steps.at(-1) ??
    new Map()
  );
}

/** Defaults that are lowered together, by halves, where few files may be open, and how low. */
const FEWEST = 16;
export const FITTED_TO_FILES: ReadonlySet<string> = new Set([
  "http.maxConnections",
  "http.maxConnectionsPerAddress",
  "subscribe.maxStreams",
]);

/**
 * Lowers how many connections clients may have, where nobody has said how many, until storage and links keep the files that they need.
 * Returns the values that changed; where even the lowest defaults need too many, those, and the start is refused.
 */
export function fitToFiles(
  values: ResolvedValues,
  given: ReadonlySet<string>,
  limit: number,
  assemble: (values: ResolvedValues) => NodeConfig,
): ReadonlyMap<string, number> {
  let lowered: ReadonlyMap<string, number> = new Map();
  for (let half = 1; ; half *= 2) {
    if (descriptorsNeeded(assemble(new Map([...values, ...lowered]))) <= limit) return lowered;
    const next = new Map(
      [...FITTED_TO_FILES]
        .filter((path) => !given.has(path))
        .map((path) => {
          const standard = Number(values.get(path));
          return [path, Math.min(standard, Math.max(FEWEST, Math.floor(standard / (2 * half))))];
        }),
    );
    if ([...next].every(([path, value]) => lowered.get(path) === value)) return lowered;
    lowered = next;
  }
}

/** From the defaults as they are to the lowest ones. */
function loweredDefaults(
  values: ResolvedValues,
  given: ReadonlySet<string>,
): readonly ReadonlyMap<string, number>[] {
  const steps: ReadonlyMap<string, number>[] = [];
  for (let count = Number(values.get("workers.count")); ; count = Math.ceil(count / 2)) {
    steps.push(given.has("workers.count") ? new Map() : new Map([["workers.count", count]]));
    if (given.has("workers.count") || !(count > 1)) break;
  }
  const workers = steps.at(-1) ?? new Map<string, number>();
  for (let half = 1; half <= HALVES; half++) {
    const lowered = new Map(workers);
    for (const [path, least] of Object.entries(LEAST)) {
      if (given.has(path)) continue;
      const standard = Number(values.get(path));
      // One that follows a given value may be below the least already.
      const lower = Math.min(standard, Math.max(least, Math.floor(standard / 2 ** half)));
      // What it has to hold may have been given, or lowered just now.
      lowered.set(path, Math.max(lower, leastValue(path, new Map([...values, ...lowered]))));
    }
    steps.push(lowered);
  }
  return steps;
}
