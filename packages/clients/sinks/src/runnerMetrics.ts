import { Counter, Gauge, Registry } from "prom-client";

/** Media type of the text that `runnerMetrics` makes. */
export const METRICS_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

export interface RunnerSample {
  /** Values of the metric's own labels. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A figure that a runner tells of each of its programs. */
export interface RunnerMetric<Status> {
  /** Without the prefix; with its unit, and `_total` if it never falls while the process lives. */
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** Labels of its own; of each there are few values, however long the runner lives. */
  readonly labels: readonly string[];
  readonly samples: (status: Status) => readonly RunnerSample[];
}

/** Labels and sample of a metric without labels of its own; null: nobody knows the value now. */
export function oneValue<Status>(
  value: (status: Status) => number | null,
): Pick<RunnerMetric<Status>, "labels" | "samples"> {
  return {
    labels: [],
    samples: (status) => {
      const found = value(status);
      return found === null ? [] : [{ labels: {}, value: found }];
    },
  };
}

/** Labels and samples of a metric with one label of its own, such as a state. */
export function byLabel<Status>(
  label: string,
  values: (status: Status) => readonly (readonly [labelValue: string, value: number])[],
): Pick<RunnerMetric<Status>, "labels" | "samples"> {
  return {
    labels: [label],
    samples: (status) =>
      values(status).map(([labelValue, value]) => ({ labels: { [label]: labelValue }, value })),
  };
}

/** Programs of a runner, and how their metrics are named. */
export interface RunnerPrograms<Status, Label extends string> {
  readonly prefix: string;
  readonly statuses: readonly Status[];
  /** Labels that every sample has. */
  readonly programLabels: readonly Label[];
  readonly labelsOf: (status: Status) => Readonly<Record<Label, string>>;
}

/** The text that Prometheus reads, made anew for every reader: what is counted lives in the statuses. */
export function runnerMetrics<Status, Label extends string>(
  metrics: readonly RunnerMetric<Status>[],
  { prefix, statuses, programLabels, labelsOf }: RunnerPrograms<Status, Label>,
): Promise<string> {
  const registry = new Registry();
  for (const { name, type, help, labels, samples } of metrics) {
    const labelNames = [...programLabels, ...labels];
    const options = { name: `${prefix}_${name}`, help, labelNames, registers: [registry] };
    const add = adder(type, options);
    for (const status of statuses)
      for (const { labels: own, value } of samples(status))
        add({ ...labelsOf(status), ...own }, value);
  }
  return registry.metrics();
}

type Add = (labels: Readonly<Record<string, string>>, value: number) => void;

function adder(
  type: "gauge" | "counter",
  options: { name: string; help: string; labelNames: string[]; registers: Registry[] },
): Add {
  if (type === "gauge") {
    const gauge = new Gauge(options);
    return (labels, value) => gauge.set(labels, value);
  }
  const counter = new Counter(options);
  return (labels, value) => counter.inc(labels, value);
}
