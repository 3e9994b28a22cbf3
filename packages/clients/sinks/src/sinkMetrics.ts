import type { SinkStatus } from "./run/status.ts";
import { oneValue, runnerMetrics } from "./runnerMetrics.ts";
import type { RunnerMetric } from "./runnerMetrics.ts";

const STATES = ["standby", "running", "backing-off", "paused", "failed", "stopped"] as const;

const METRICS: readonly RunnerMetric<SinkStatus>[] = [
  {
    name: "state",
    type: "gauge",
    help: "1 for the state that the sink is in",
    values: ({ state }) => STATES.map((at) => [`state="${at}"`, at === state ? 1 : 0]),
  },
  {
    name: "lag_records",
    type: "gauge",
    help: "records behind the position",
    values: oneValue(({ lag }) => lag.records),
  },
  {
    name: "lag_seconds",
    type: "gauge",
    help: "age of the oldest record behind the position",
    values: oneValue(({ lag }) => lag.seconds),
  },
  {
    name: "lag_bytes",
    type: "gauge",
    help: "bytes behind the position, by the mean record",
    values: oneValue(({ lag }) => lag.bytes),
  },
  {
    name: "applied_total",
    type: "counter",
    help: "records that are written",
    values: oneValue(({ applied }) => applied),
  },
  {
    name: "dead_letters_total",
    type: "counter",
    help: "records that could not be written",
    values: oneValue(({ deadLetters }) => deadLetters),
  },
  {
    name: "residual_records",
    type: "gauge",
    help: "records passed and neither written nor dead letters; anything but 0 is a fault",
    values: oneValue(({ residual }) => residual),
  },
  {
    name: "failures_total",
    type: "counter",
    help: "transactions that failed, by what that meant: outages are transient, conflicts counted apart",
    values: ({ failures }) =>
      Object.entries(failures).map(([kind, count]) => [`class="${kind}"`, count]),
  },
  {
    name: "retries",
    type: "gauge",
    help: "failures since the last progress",
    values: oneValue(({ retries }) => retries),
  },
  {
    name: "chunks_total",
    type: "counter",
    help: "transactions",
    values: oneValue(({ chunks }) => chunks.count),
  },
  {
    name: "items_total",
    type: "counter",
    help: "mutations that are written",
    values: oneValue(({ chunks }) => chunks.items),
  },
  {
    name: "ambiguous_commits_total",
    type: "counter",
    help: "transactions without an answer that had taken effect",
    values: oneValue(({ ambiguousApplied }) => ambiguousApplied),
  },
  {
    name: "statements_total",
    type: "counter",
    help: "statements sent to the place; by applied_total those of a record, by chunks_total those of a transaction",
    values: oneValue(({ counts }) => counts.statements),
  },
  {
    name: "cache_hits_total",
    type: "counter",
    help: "nodes and edges that were not searched for, because they were known to be written",
    values: oneValue(({ counts }) => counts.cacheHits),
  },
  {
    name: "cache_misses_total",
    type: "counter",
    help: "nodes and edges that were searched for",
    values: oneValue(({ counts }) => counts.cacheMisses),
  },
  {
    name: "stubs_total",
    type: "counter",
    help: "nodes made because an edge named them before anything had made them",
    values: oneValue(({ counts }) => counts.stubs),
  },
  {
    name: "chunk_items_limit",
    type: "gauge",
    help: "items that the next transaction may have; less than chunkSize after slow ones and those that were too large",
    values: oneValue(({ chunks }) => chunks.sizeNow),
  },
  {
    name: "chunk_items_max",
    type: "gauge",
    help: "items of the largest transaction",
    values: oneValue(({ chunks }) => chunks.itemsMax),
  },
  {
    name: "chunk_bytes_max",
    type: "gauge",
    help: "bytes of the largest transaction",
    values: oneValue(({ chunks }) => chunks.bytesMax),
  },
  {
    name: "chunk_milliseconds_max",
    type: "gauge",
    help: "the longest transaction",
    values: oneValue(({ chunks }) => chunks.msMax),
  },
];

/** The text format of Prometheus. */
export function sinkMetrics(statuses: readonly SinkStatus[]): string {
  return runnerMetrics(
    "annals_sink",
    METRICS,
    statuses,
    ({ name, log, lane }) => `sink="${name}",log="${log}",lane="${lane}"`,
  );
}
