import type { ClusterStatus, SentDistribution } from "@annals/api";
import type { IngestStats } from "../ingest/ingestDesk.ts";
import type { DelayReading } from "../eventLoopDelay.ts";

/** Figures of the process, and of its main thread. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Heap of the main thread, and its buffers outside of the heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly uptimeSeconds: number;
  /** Seconds for which the event loop of the main thread had work. */
  readonly busySeconds: number;
  readonly orphanedErrors: number;
  readonly linesDropped: number;
}

/** Everything that metrics are made of, at one moment. */
export interface Snapshot {
  readonly cluster: ClusterStatus;
  readonly ingest: IngestStats;
  readonly delay: DelayReading;
  readonly process: ProcessFigures;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What was counted where it happened, by bound. */
export interface DistributionSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: SentDistribution;
}

interface Described {
  /** With its unit, and `_total` if it never falls while the process lives. */
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

export interface PlainMetric extends Described {
  readonly kind: "counter" | "gauge";
  readonly samples: (snapshot: Snapshot) => readonly Sample[];
}

export interface HistogramMetric extends Described {
  readonly kind: "histogram";
  readonly samples: (snapshot: Snapshot) => readonly DistributionSample[];
}

/** One metric. `docs/operations.md` and `GET /metrics` are made of these. */
export type Metric = PlainMetric | HistogramMetric;

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
