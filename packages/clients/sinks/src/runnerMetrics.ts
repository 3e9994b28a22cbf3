/** A figure that a runner tells of each of its programs. */
export interface RunnerMetric<Status> {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly values: (status: Status) => readonly (readonly [labels: string, value: number])[];
}

/** The values of a metric without labels of its own; null: nobody knows it now. */
export function oneValue<Status>(
  value: (status: Status) => number | null,
): RunnerMetric<Status>["values"] {
  return (status) => {
    const found = value(status);
    return found === null ? [] : [["", found]];
  };
}

/** The text format of Prometheus. `whose`: the labels of a program, which need no escapes: names are checked when a file is read. */
export function runnerMetrics<Status>(
  prefix: string,
  metrics: readonly RunnerMetric<Status>[],
  statuses: readonly Status[],
  whose: (status: Status) => string,
): string {
  return metrics
    .map(({ name, type, help, values }) => {
      const full = `${prefix}_${name}`;
      const lines = statuses.flatMap((status) =>
        values(status).map(([labels, value]) => {
          const all = labels === "" ? whose(status) : `${whose(status)},${labels}`;
          return `${full}{${all}} ${value}`;
        }),
      );
      return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}
