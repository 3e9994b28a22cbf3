import type { SinkStatus } from "./run/status.ts";
import { byLabel, oneValue, runnerMetrics } from "./runnerMetrics.ts";
import type { RunnerMetric } from "./runnerMetrics.ts";

const STATES = ["standby", "running", "backing-off", "paused", "failed", "stopped"] as const;

const METRICS: readonly RunnerMetric<SinkStatus>[] = [
  {
    name: "state",
    type: "gauge",
    help: "1 for the state that the sink is in, 0 for the others.",
    ...byLabel("state", ({ state }) => STATES.map((at) => [at, at === state ? 1 : 0])),
  },
  {
    name: "lag_records",
    type: "gauge",
    help: "Records of the log behind the position of the sink.",
    ...oneValue(({ lag }) => lag.records),
  },
  {
    name: "lag_seconds",
    type: "gauge",
    help: "Age in seconds of the oldest record behind the position of the sink; 0 when none is behind.",
    ...oneValue(({ lag }) => lag.seconds),
  },
  {
    name: "lag_bytes",
    type: "gauge",
    help: "Bytes of the records behind the position of the sink, by the mean size of those that it has read.",
    ...oneValue(({ lag }) => lag.bytes),
  },
  {
    name: "applied_total",
    type: "counter",
    help: "Records that the sink has written.",
    ...oneValue(({ applied }) => applied),
  },
  {
    name: "dead_letters_total",
    type: "counter",
    help: "Records that the sink could not write, for each of which there is a dead letter.",
    ...oneValue(({ deadLetters }) => deadLetters),
  },
  {
    name: "residual_records",
    type: "gauge",
    help: "Records that the sink has passed and neither written nor made dead letters; anything but 0 is a fault.",
    ...oneValue(({ residual }) => residual),
  },
  {
    name: "failures_total",
    type: "counter",
    help: "Transactions of the sink that failed, by what the failure meant; an outage is transient, and conflicts are counted apart.",
    ...byLabel("class", ({ failures }) => Object.entries(failures)),
  },
  {
    name: "retries",
    type: "gauge",
    help: "Failures of the sink since its last progress.",
    ...oneValue(({ retries }) => retries),
  },
  {
    name: "chunks_total",
    type: "counter",
    help: "Transactions that the sink has committed.",
    ...oneValue(({ chunks }) => chunks.count),
  },
  {
    name: "items_total",
    type: "counter",
    help: "Mutations that the sink has written.",
    ...oneValue(({ chunks }) => chunks.items),
  },
  {
    name: "ambiguous_commits_total",
    type: "counter",
    help: "Transactions that got no answer and of which the stored cursor told that they had taken effect.",
    ...oneValue(({ ambiguousApplied }) => ambiguousApplied),
  },
  {
    name: "statements_total",
    type: "counter",
    help: "Statements that the sink has sent to its place; by applied_total those of a record, by chunks_total those of a transaction.",
    ...oneValue(({ counts }) => counts.statements),
  },
  {
    name: "cache_hits_total",
    type: "counter",
    help: "Nodes and edges that the sink did not search for, because it knew that they were written.",
    ...oneValue(({ counts }) => counts.cacheHits),
  },
  {
    name: "cache_misses_total",
    type: "counter",
    help: "Nodes and edges that the sink searched for.",
    ...oneValue(({ counts }) => counts.cacheMisses),
  },
  {
    name: "stubs_total",
    type: "counter",
    help: "Nodes that the sink made because an edge named them before anything had made them.",
    ...oneValue(({ counts }) => counts.stubs),
  },
  {
    name: "chunk_items_limit",
    type: "gauge",
    help: "Mutations that the next transaction of the sink may have; fewer than chunkSize after slow or too large ones.",
    ...oneValue(({ chunks }) => chunks.sizeNow),
  },
  {
    name: "chunk_items_max",
    type: "gauge",
    help: "Mutations of the largest transaction of the sink.",
    ...oneValue(({ chunks }) => chunks.itemsMax),
  },
  {
    name: "chunk_bytes_max",
    type: "gauge",
    help: "Bytes of the largest transaction of the sink.",
    ...oneValue(({ chunks }) => chunks.bytesMax),
  },
  {
    name: "chunk_milliseconds_max",
    type: "gauge",
    help: "Milliseconds that the longest transaction of the sink took.",
    ...oneValue(({ chunks }) => chunks.msMax),
  },
];

/** The text that Prometheus reads. */
export function sinkMetrics(statuses: readonly SinkStatus[]): Promise<string> {
  return runnerMetrics(METRICS, {
    prefix: "annals_sink",
    statuses,
    programLabels: ["sink", "log", "lane"],
    labelsOf: ({ name, log, lane }) => ({ sink: name, log, lane: String(lane) }),
  });
}
