import type { SourceStatus } from "./status.ts";

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly values: (status: SourceStatus) => readonly (readonly [labels: string, value: number])[];
}

const STATES = ["starting", "standby", "running", "backing-off", "failed", "stopped"] as const;

function one(value: (status: SourceStatus) => number | null): Metric["values"] {
  return (status) => {
    const found = value(status);
    return found === null ? [] : [["", found]];
  };
}

const METRICS: readonly Metric[] = [
  {
    name: "state",
    type: "gauge",
    help: "1 for the state that the source is in",
    values: ({ state }) => STATES.map((at) => [`state="${at}"`, at === state ? 1 : 0]),
  },
  {
    name: "lag",
    type: "gauge",
    help: "messages or rows that wait, of all parts of this process; absent while nobody knows",
    values: one(({ lag }) => lag),
  },
  {
    name: "part_lag",
    type: "gauge",
    help: "messages or rows that wait in a part, such as a partition; the first 200 by name",
    values: ({ parts }) =>
      parts.flatMap(({ part, lag }) => (lag === null ? [] : [[`part="${escaped(part)}"`, lag]])),
  },
  {
    name: "parts",
    type: "gauge",
    help: "parts that this process has",
    values: one(({ parts, partsNotShown }) => parts.length + partsNotShown),
  },
  {
    name: "records_total",
    type: "counter",
    help: "messages or rows that are on record, dead letters among them",
    values: one(({ records }) => records),
  },
  {
    name: "dead_letters_total",
    type: "counter",
    help: "those that did not fit the mapping, or that the log refused; they are on record as such",
    values: ({ deadLetters: { mapping, refused } }) => [
      ['reason="mapping"', mapping],
      ['reason="refused"', refused],
    ],
  },
  {
    name: "takeovers_total",
    type: "counter",
    help: "records with which this process took a part over",
    values: one(({ takeovers }) => takeovers),
  },
  {
    name: "rebalances_total",
    type: "counter",
    help: "times that the parts were dealt out anew",
    values: one(({ rebalances }) => rebalances),
  },
  {
    name: "retries_total",
    type: "counter",
    help: "failures after which it was tried again",
    values: one(({ retries }) => retries),
  },
];

/** The text format of Prometheus. Names of sources and logs need no escapes: they are checked when a file is read. */
export function sourceMetrics(statuses: readonly SourceStatus[]): string {
  return METRICS.map(({ name, type, help, values }) => {
    const full = `annals_source_${name}`;
    const lines = statuses.flatMap((status) =>
      values(status).map(([labels, value]) => {
        const whose = `source="${status.name}",log="${status.log}"`;
        return `${full}{${whose}${labels === "" ? "" : `,${labels}`}} ${value}`;
      }),
    );
    return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
  }).join("");
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
