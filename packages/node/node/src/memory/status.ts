import { getHeapStatistics } from "node:v8";
import type { MemoryRow, MemoryStatus } from "@annals/api";
import { memoryBudget } from "@annals/config";
import type { Bound, NodeConfig, Shape } from "@annals/config";
import type { FamilyReading } from "@annals/flow";
import { residentSetBytes } from "./residentSet.ts";

export type Readings = Readonly<Record<string, FamilyReading>>;

const NOTHING: FamilyReading = { current: 0, peak: 0, largest: 0 };

/** What several threads say of the same bounds. Peaks need not have been at the same time: their sum is an upper bound. */
export function addReadings(all: readonly Readings[]): Readings {
  const sums: Record<string, FamilyReading> = {};
  for (const readings of all) {
    for (const [name, { current, peak, largest }] of Object.entries(readings)) {
      const sum = sums[name] ?? NOTHING;
      sums[name] = {
        current: sum.current + current,
        peak: sum.peak + peak,
        largest: Math.max(sum.largest, largest),
      };
    }
  }
  return sums;
}

export function addCounts(
  all: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const counts of all)
    for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

/** What every bound holds and has held, beside what it may hold. `readings` are of all threads. */
export function memoryStatus(
  config: NodeConfig,
  shape: Shape,
  readings: Readings,
): Omit<MemoryStatus, "pauses" | "violations"> {
  const { used_heap_size: heap } = getHeapStatistics();
  const all: Readings = {
    ...readings,
    "heap.gateway": { current: heap, peak: heap, largest: heap },
  };
  const budget = memoryBudget(config, shape);
  const rows = budget.rows
    .filter(({ bound }) => bound.ungauged === undefined)
    .map(({ bound, count, cap, item, bytes }): MemoryRow => {
      const { current, peak, largest } = all[bound.name] ?? NOTHING;
      const { name, unit } = bound;
      return { name, unit, count, cap, item, worstBytes: bytes, current, peak, largest };
    });
  const weights = new Map(
    budget.rows.map(({ bound }) => [bound.name, bytesPerUnit(bound, config)]),
  );
  return {
    limit: config.memory.limit,
    worstBytes: budget.bytes,
    accountedBytes: rows.reduce(
      (sum, { name, current }) => sum + current * (weights.get(name) ?? 0),
      0,
    ),
    rssBytes: residentSetBytes(),
    rows,
  };
}

/** What an outer row counts already is not counted twice. */
function bytesPerUnit(bound: Bound, config: NodeConfig): number {
  return bound.within === undefined ? bound.weight(config) : 0;
}
