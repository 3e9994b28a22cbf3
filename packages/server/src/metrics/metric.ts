import type { IngestStats } from "../ingest/ingestDesk.ts";
import type { ClusterStatus } from "../service.ts";
import type { DelayReading } from "./eventLoopDelay.ts";

/** Everything that metrics are made of, at one moment. */
export interface Snapshot {
  readonly cluster: ClusterStatus;
  readonly ingest: IngestStats;
  readonly delay: DelayReading;
  readonly process: {
    readonly cpuSeconds: number;
    readonly rssBytes: number;
    readonly heapBytes: number;
    readonly externalBytes: number;
    readonly uptimeSeconds: number;
    /** Seconds for which the event loop of the main thread had work. */
    readonly busySeconds: number;
  };
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric. `docs/operations.md` and `GET /metrics` are made of these. */
export interface Metric {
  /** With its unit, and `_total` if it never falls while the process lives. */
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  readonly labels: readonly string[];
  readonly samples: (snapshot: Snapshot) => readonly Sample[];
}

export function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}

/** One sample for each name of a record, under `label`. */
export function by(
  label: string,
  values: Readonly<Record<string, number>>,
  labels: Readonly<Record<string, string>> = {},
): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({
    labels: { ...labels, [label]: name },
    value,
  }));
}
