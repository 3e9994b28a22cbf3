import { Counter, Gauge, Registry } from "prom-client";
import type { IngestStats } from "../ingest/ingestDesk.ts";
import type { ClusterStatus } from "../service.ts";
import type { DelayReading } from "./eventLoopDelay.ts";
import { INGEST_METRICS } from "./ingestMetrics.ts";
import type { Metric, Snapshot } from "./metric.ts";
import { NODE_METRICS } from "./nodeMetrics.ts";

/** Every metric of a node, in the order of the documents. */
export const METRICS: readonly Metric[] = [...INGEST_METRICS, ...NODE_METRICS];

export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

export function snapshotOf(
  cluster: ClusterStatus,
  ingest: IngestStats,
  delay: DelayReading,
): Snapshot {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return {
    cluster,
    ingest,
    delay,
    process: {
      cpuSeconds: (user + system) / 1e6,
      rssBytes: rss,
      heapBytes: heapUsed,
      externalBytes: external,
      uptimeSeconds: process.uptime(),
      busySeconds: performance.eventLoopUtilization().active / 1000,
    },
  };
}

/** The text that Prometheus reads, made anew for every reader: what is counted lives where it happens, and nothing has to keep in step. */
export async function renderMetrics(snapshot: Snapshot): Promise<string> {
  const registry = new Registry();
  for (const { name, help, labels, kind, samples } of METRICS) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    if (kind === "counter") {
      const counter = new Counter(options);
      for (const { labels: of, value } of samples(snapshot)) counter.inc(of, value);
    } else {
      const gauge = new Gauge(options);
      for (const { labels: of, value } of samples(snapshot)) gauge.set(of, value);
    }
  }
  return registry.metrics();
}
