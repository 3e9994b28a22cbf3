import { oneValue, runnerMetrics } from "@annals/sinks";
import type { RunnerMetric } from "@annals/sinks";
import type { SourceStatus } from "./status.ts";

const STATES = ["starting", "standby", "running", "backing-off", "failed", "stopped"] as const;

const METRICS: readonly RunnerMetric<SourceStatus>[] = [
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
    values: oneValue(({ lag }) => lag),
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
    values: oneValue(({ parts, partsNotShown }) => parts.length + partsNotShown),
  },
  {
    name: "records_total",
    type: "counter",
    help: "messages or rows that are on record, dead letters among them",
    values: oneValue(({ records }) => records),
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
    values: oneValue(({ takeovers }) => takeovers),
  },
  {
    name: "rebalances_total",
    type: "counter",
    help: "times that the parts were dealt out anew",
    values: oneValue(({ rebalances }) => rebalances),
  },
  {
    name: "retries_total",
    type: "counter",
    help: "failures after which it was tried again",
    values: oneValue(({ retries }) => retries),
  },
];

/** The text format of Prometheus. */
export function sourceMetrics(statuses: readonly SourceStatus[]): string {
  return runnerMetrics(
    "annals_source",
    METRICS,
    statuses,
    ({ name, log }) => `source="${name}",log="${log}"`,
  );
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
