import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { HistogramConfiguration } from "prom-client";
import { INGEST_METRICS } from "./ingestMetrics.ts";
import type { DistributionSample, Metric, Snapshot } from "./metric.ts";
import { NODE_METRICS } from "./nodeMetrics.ts";

/** Every metric of a node, in the order of the documents. */
export const METRICS: readonly Metric[] = [...INGEST_METRICS, ...NODE_METRICS];

export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** The text that Prometheus reads, made anew for every reader: what is counted lives where it happens, and nothing has to keep in step. */
export async function renderMetrics(snapshot: Snapshot): Promise<string> {
  const registry = new Registry();
  for (const metric of METRICS) register(metric, snapshot, registry);
  return registry.metrics();
}

function register(metric: Metric, snapshot: Snapshot, registry: Registry): void {
  const { name, help, labels: labelNames } = metric;
  const options = { name, help, labelNames: [...labelNames], registers: [] };
  switch (metric.kind) {
    case "counter": {
      const counter = new Counter(options);
      registry.registerMetric(counter);
      for (const { labels, value } of metric.samples(snapshot)) counter.inc(labels, value);
      return;
    }
    case "gauge": {
      const gauge = new Gauge(options);
      registry.registerMetric(gauge);
      for (const { labels, value } of metric.samples(snapshot)) gauge.set(labels, value);
      return;
    }
    default:
      registry.registerMetric(new CountedHistogram(options, metric.samples(snapshot)));
  }
}

/** A histogram that was counted elsewhere: the library's own takes single values only. */
class CountedHistogram extends Histogram {
  readonly #text: object;

  constructor(options: HistogramConfiguration<string>, counted: readonly DistributionSample[]) {
    super(options);
    const { name, help } = options;
    this.#text = {
      name,
      help,
      type: "histogram",
      values: counted.flatMap((of) => lines(name, of)),
    };
  }

  /** What the registry makes text of. */
  async getForPromString(): Promise<object> {
    return this.#text;
  }
}

function lines(
  name: string,
  { labels, value: { upTo, sum } }: DistributionSample,
): readonly object[] {
  const buckets = Object.entries(upTo).map(([le, value]) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le },
    value,
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: upTo["+Inf"] ?? 0 },
  ];
}
