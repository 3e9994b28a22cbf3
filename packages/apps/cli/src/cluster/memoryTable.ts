import {
  fittedDefaults,
  logsThatFit,
  machineMemory,
  memoryBudget,
  roundBytes,
} from "@annals/config";
import type { BudgetRow, ConfigOrigin, NodeConfig } from "@annals/config";
import { counted, formatCount } from "../program/output.ts";
import { renderTable } from "../program/table.ts";
import type { TableLook } from "../program/table.ts";

/** What a node may need at the worst, for programs. All in bytes. */
export interface MemoryReport {
  readonly rows: readonly {
    readonly name: string;
    readonly setBy: string | null;
    readonly unit: "bytes" | "count";
    readonly count: number;
    readonly cap: number;
    readonly item: number;
    readonly bytes: number;
  }[];
  readonly bytes: number;
  readonly limit: number;
  readonly machine: number;
  readonly logs: number;
  readonly logsThatFit: number;
  /** Defaults that were lowered so that the node fits its limit. */
  readonly lowered: readonly { readonly key: string; readonly value: string }[];
}

export function memoryReport(config: NodeConfig, origin: ConfigOrigin): MemoryReport {
  const { rows, bytes, shape } = memoryBudget(config);
  return {
    rows: rows.map(({ bound, count, cap, item, bytes: total }) => ({
      name: bound.name,
      setBy: bound.setBy ?? null,
      unit: bound.unit,
      count,
      cap,
      item,
      bytes: total,
    })),
    bytes,
    limit: config.memory.limit,
    machine: machineMemory(),
    logs: shape.logs,
    logsThatFit: logsThatFit(config),
    lowered: fittedDefaults(config, origin),
  };
}

/** "2 × (32 MiB + 8.0 MiB)", or "4 × 512 MiB" when nothing may exceed the cap. */
function describeCap({ bound, count, cap, item }: BudgetRow): string {
  if (bound.setBy === undefined) return "not bounded";
  const text = (amount: number) =>
    bound.unit === "bytes" ? roundBytes(amount) : formatCount(amount);
  return item === 0 ? `${count} × ${text(cap)}` : `${count} × (${text(cap)} + ${text(item)})`;
}

function describeBytes(row: BudgetRow): string {
  if (row.bound.setBy === undefined) return "?";
  return row.bytes === 0 ? "–" : roundBytes(row.bytes);
}

function describeLowered(lowered: MemoryReport["lowered"]): string {
  if (lowered.length === 0) return "";
  const list = lowered.map(({ key, value }) => `${key} ${value}`).join(", ");
  return `defaults that were lowered to fit memory.limit or the limit of open files: ${list}\n`;
}

/** The same for people: one line a queue, then the sum. */
export function renderMemory(config: NodeConfig, origin: ConfigOrigin, look: TableLook): string {
  const { rows, bytes, shape } = memoryBudget(config);
  const table = renderTable(
    [
      { title: "QUEUE", value: ({ bound }: BudgetRow) => bound.name },
      { title: "AT MOST", value: describeBytes, align: "right" },
      { title: "CAP + ITEM BEYOND", value: describeCap },
      { title: "SET BY", value: ({ bound }: BudgetRow) => bound.setBy ?? "–" },
    ],
    rows,
    look,
  );
  const { limit } = config.memory;
  const verdict = bytes <= limit ? "fits" : "does not fit";
  const logs = counted(shape.logs, "log");
  return (
    `${table}\n` +
    `with ${logs}, ${counted(shape.peers, "peer")}, ${counted(shape.workers, "worker")} and ${shape.isolated} for isolated logs ` +
    `a node needs at most ${roundBytes(bytes)}, ` +
    `which ${verdict} memory.limit of ${roundBytes(limit)} (the machine has ${roundBytes(machineMemory())}); ` +
    `logs that fit: ${logsThatFit(config)}\n` +
    describeLowered(fittedDefaults(config, origin))
  );
}
