import type { ClusterStatus } from "@annals/client";

/** The most that was seen of one queue of a node. */
export interface PeakSeen {
  readonly cap: number;
  readonly item: number;
  /** Of a single one. */
  readonly largest: number;
  /** Of all of them together. */
  readonly peak: number;
  readonly unit: "bytes" | "count";
}

/** Counters that begin anew with each process, added up over all of them. */
interface Tally {
  readonly total: Map<string, number>;
  readonly last: Map<string, number>;
}

/** Where a node was when one of its processes was first heard of. */
export interface Start {
  readonly pid: number;
  /** Entries that it had, in all logs. */
  readonly entries: number;
  /** Entries that the process before was last seen to have applied. */
  readonly appliedBefore: number;
}

interface NodeView {
  pid: number;
  status: ClusterStatus | undefined;
  budget: number;
  readonly peaks: Map<string, PeakSeen>;
  readonly pauses: Tally;
  readonly faults: Tally;
  readonly violations: Set<string>;
  readonly starts: Start[];
  /** By process, as last heard. */
  readonly applied: Map<number, number>;
}

function tally(): Tally {
  return { total: new Map(), last: new Map() };
}

/** What the nodes say of themselves, kept over the life of their processes. */
export class StatusWatch {
  readonly #nodes = new Map<string, NodeView>();
  readonly #logs: readonly string[];

  /** The logs in which records are counted. */
  constructor(logs: readonly string[]) {
    this.#logs = logs;
  }

  told(id: string, status: ClusterStatus): void {
    const view = this.#view(id);
    const pid = status.nodes.find((node) => node.id === status.node)?.pid ?? 0;
    const fresh = pid !== view.pid;
    view.pid = pid;
    view.status = status;
    if (fresh) {
      view.pauses.last.clear();
      view.faults.last.clear();
    }
    add(view.pauses, status.memory?.pauses ?? {});
    add(view.faults, status.linkFaults);
    for (const text of status.memory?.violations ?? []) view.violations.add(text);
    view.budget = status.memory?.worstBytes ?? view.budget;
    for (const row of status.memory?.rows ?? []) {
      const { name, cap, item, unit } = row;
      const before = view.peaks.get(name);
      const largest = Math.max(before?.largest ?? 0, row.largest);
      const peak = Math.max(before?.peak ?? 0, row.peak);
      view.peaks.set(name, { cap, item, unit, largest, peak });
    }
    const opened = this.#logs.every((name) =>
      status.logs.some((log) => log.name === name && log.headHash !== undefined),
    );
    if (opened && view.starts.at(-1)?.pid !== pid)
      view.starts.push({
        pid,
        entries: this.#sum(status, ({ lastIndex }) => lastIndex),
        appliedBefore: view.applied.get(view.starts.at(-1)?.pid ?? 0) ?? 0,
      });
    view.applied.set(
      pid,
      this.#sum(status, ({ appliedIndex }) => appliedIndex),
    );
  }

  #view(id: string): NodeView {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const view: NodeView = {
      pid: 0,
      status: undefined,
      budget: 0,
      peaks: new Map(),
      pauses: tally(),
      faults: tally(),
      violations: new Set(),
      starts: [],
      applied: new Map(),
    };
    this.#nodes.set(id, view);
    return view;
  }

  status(id: string): ClusterStatus | undefined {
    return this.#view(id).status;
  }

  /** Records that the node had applied when it was last heard of, in all logs. */
  records(id: string): number {
    const logs = this.#view(id).status?.logs ?? [];
    return logs
      .filter((log) => this.#logs.includes(log.name))
      .reduce((sum, { lastSeq }) => sum + lastSeq, 0);
  }

  /** Over the logs in which records are counted. */
  #sum({ logs }: ClusterStatus, of: (log: ClusterStatus["logs"][number]) => number): number {
    const counted = logs.filter(({ name }) => this.#logs.includes(name));
    return counted.reduce((sum, log) => sum + of(log), 0);
  }

  /** The worst case in bytes that the node prints. */
  budget(id: string): number {
    return this.#view(id).budget;
  }

  peaks(id: string): ReadonlyMap<string, PeakSeen> {
    return this.#view(id).peaks;
  }

  pauses(id: string): ReadonlyMap<string, number> {
    return this.#view(id).pauses.total;
  }

  /** Bounds of which the node itself said that they did not hold. */
  violations(id: string): readonly string[] {
    return [...this.#view(id).violations];
  }

  linkFaults(id: string): ReadonlyMap<string, number> {
    return this.#view(id).faults.total;
  }

  starts(id: string): readonly Start[] {
    return this.#view(id).starts;
  }
}

/** A counter that fell has begun anew: a worker that ended takes its counts along. */
function add({ total, last }: Tally, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) {
    const before = last.get(name) ?? 0;
    total.set(name, (total.get(name) ?? 0) + (count >= before ? count - before : count));
    last.set(name, count);
  }
}
