import { byLabel, oneValue, runnerMetrics } from "@annals/sinks";
import type { RunnerMetric } from "@annals/sinks";
import type { SourceStatus } from "./status.ts";

const STATES = ["starting", "standby", "running", "backing-off", "failed", "stopped"] as const;

const METRICS: readonly RunnerMetric<SourceStatus>[] = [
  {
    name: "state",
    type: "gauge",
    help: "1 for the state that the source is in, 0 for the others.",
    ...byLabel("state", ({ state }) => STATES.map((at) => [at, at === state ? 1 : 0])),
  },
  {
    name: "lag",
    type: "gauge",
    help: "Messages or rows that wait in all parts of the source that this process has; absent while nobody knows.",
    ...oneValue(({ lag }) => lag),
  },
  {
    name: "part_lag",
    type: "gauge",
    help: "Messages or rows that wait in one part of the source, such as a partition; only the first 200 parts by name have a series.",
    ...byLabel("part", ({ parts }) =>
      parts.flatMap(({ part, lag }) => (lag === null ? [] : [[part, lag] as const])),
    ),
  },
  {
    name: "parts",
    type: "gauge",
    help: "Parts of the source, such as partitions, that this process has.",
    ...oneValue(({ parts, partsNotShown }) => parts.length + partsNotShown),
  },
  {
    name: "records_total",
    type: "counter",
    help: "Messages or rows that the source has put on record, dead letters among them.",
    ...oneValue(({ records }) => records),
  },
  {
    name: "dead_letters_total",
    type: "counter",
    help: "Messages or rows that are on record as dead letters of the source: the mapping or the log did not take them.",
    ...byLabel("reason", ({ deadLetters: { mapping, refused } }) => [
      ["mapping", mapping],
      ["refused", refused],
    ]),
  },
  {
    name: "takeovers_total",
    type: "counter",
    help: "Records with which this process took a part of the source over.",
    ...oneValue(({ takeovers }) => takeovers),
  },
  {
    name: "rebalances_total",
    type: "counter",
    help: "Times that the parts of the source were dealt out anew.",
    ...oneValue(({ rebalances }) => rebalances),
  },
  {
    name: "retries_total",
    type: "counter",
    help: "Failures after which the source was tried again.",
    ...oneValue(({ retries }) => retries),
  },
];

/** The text that Prometheus reads. */
export function sourceMetrics(statuses: readonly SourceStatus[]): Promise<string> {
  return runnerMetrics(METRICS, {
    prefix: "annals_source",
    statuses,
    programLabels: ["source", "log"],
    labelsOf: ({ name, log }) => ({ source: name, log }),
  });
}
