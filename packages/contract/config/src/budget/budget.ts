import { AnnalsError } from "@annals/record";
import type { NodeConfig } from "../keys/nodeConfig.ts";
import type { Bound, BoundPer, Shape } from "./bound.ts";
import { BOUNDS } from "./bounds.ts";

/** One bound, added up for a node. */
export interface BudgetRow {
  readonly bound: Bound;
  /** How many of it the node has. */
  readonly count: number;
  readonly cap: number;
  readonly item: number;
  /** Bytes of all of them with each at its cap and one item beyond. */
  readonly bytes: number;
}

/** The most that a node may hold. */
export interface MemoryBudget {
  readonly shape: Shape;
  readonly rows: readonly BudgetRow[];
  readonly bytes: number;
}

/** The node as its configuration describes it: with the logs that it is born with. */
export function shapeOf(config: NodeConfig, logs: number = config.logs.length): Shape {
  const { count, maxIsolated } = config.workers;
  return {
    peers: Object.keys(config.nodes).length - 1,
    logs,
    workers: count,
    isolated: maxIsolated,
    clients: config.subscribe.maxStreams,
  };
}

const SYSTEM_LOGS = 1;

function countOf(per: BoundPer, { peers, logs, workers, isolated, clients }: Shape): number {
  const counts: Readonly<Record<BoundPer, number>> = {
    node: 1,
    worker: workers + isolated,
    shared: workers,
    isolated,
    log: logs,
    stream: logs * peers,
    link: (logs + SYSTEM_LOGS) * peers,
    peer: peers,
    client: clients,
  };
  return counts[per];
}

/** The worst case of a configuration: a pure function, so `annals config check` and the node say the same. */
export function memoryBudget(config: NodeConfig, shape: Shape = shapeOf(config)): MemoryBudget {
  const rows = BOUNDS.map((bound) => {
    const [cap, item] = [bound.cap(config), bound.item(config)];
    const count = countOf(bound.per, shape);
    return { bound, count, cap, item, bytes: count * (cap + item) * bound.weight(config) };
  }).map((row, _index, all) => withinAnother(row, all));
  return { shape, rows, bytes: rows.reduce((sum, row) => sum + row.bytes, 0) };
}

/**
 * Of two rows that bound the same bytes, the outer one is the less of both with one item of the inner ones beyond its cap each, and the
 * inner one adds nothing.
 */
function withinAnother(row: BudgetRow, all: readonly BudgetRow[]): BudgetRow {
  if (row.bound.within !== undefined) return { ...row, bytes: 0 };
  const inner = all.find(({ bound }) => bound.within === row.bound.name);
  if (inner === undefined) return row;
  return { ...row, bytes: Math.min(inner.bytes, row.bytes + inner.count * inner.item) };
}

/** How many logs fit the limit, `_system` not counted; 0 when not even one does. */
export function logsThatFit(config: NodeConfig): number {
  const bytes = (logs: number) => memoryBudget(config, shapeOf(config, logs)).bytes;
  const perLog = bytes(2) - bytes(1);
  let logs = Math.max(0, Math.floor((config.memory.limit - bytes(0)) / perLog));
  // The sum is not quite linear: the receive queues of few logs stay below the cap of their worker.
  while (bytes(logs + 1) <= config.memory.limit) logs++;
  while (logs > 0 && bytes(logs) > config.memory.limit) logs--;
  return logs;
}

const LARGEST_ROWS = 4;

/** The rows that cost most among those that a key lowers. */
function largestRows({ rows }: MemoryBudget): readonly BudgetRow[] {
  return rows
    .filter(({ bound }) => bound.setBy?.includes(".") === true)
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, LARGEST_ROWS);
}

/** Throws ERR_MEMORY_LIMIT when a node of this shape could need more than `memory.limit`. */
export function assertFits(config: NodeConfig, shape: Shape = shapeOf(config)): void {
  const budget = memoryBudget(config, shape);
  const { limit } = config.memory;
  if (budget.bytes <= limit) return;
  const largest = largestRows(budget).map(
    ({ bound, bytes }) => `${bound.name} ${roundBytes(bytes)} (${bound.setBy ?? ""})`,
  );
  throw new AnnalsError(
    "ERR_MEMORY_LIMIT",
    `with ${shape.logs} ${shape.logs === 1 ? "log" : "logs"} this node may need ${roundBytes(budget.bytes)}, ` +
      `and memory.limit is ${roundBytes(limit)}; ` +
      `the largest parts are ${largest.join(", ")}: lower one of these keys or raise memory.limit`,
    { details: { needed: budget.bytes, limit, logs: shape.logs, fit: logsThatFit(config) } },
  );
}

const MEBIBYTE = 2 ** 20;

/** For people: in MiB, rounded. */
export function roundBytes(bytes: number): string {
  return bytes < 10 * MEBIBYTE
    ? `${(bytes / MEBIBYTE).toFixed(1)} MiB`
    : `${Math.round(bytes / MEBIBYTE)} MiB`;
}

/** The part of a logger that warns: fields, then the event. */
export interface WarningLog {
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
}

/** A committed decision holds on every node: the log is opened all the same, and the status says what does not fit. */
export function tellMisfit(
  { config, logger }: { readonly config: NodeConfig; readonly logger: WarningLog },
  log: string,
  logs: number,
): void {
  const { bytes } = memoryBudget(config, shapeOf(config, logs));
  const { limit } = config.memory;
  if (bytes > limit) logger.warn({ log, bytes, limit }, "the log is beyond memory.limit");
}
