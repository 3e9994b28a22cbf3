import type { SinkStatus } from "./run/status.ts";

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly values: (status: SinkStatus) => readonly (readonly [labels: string, value: number])[];
}

const STATES = ["standby", "running", "backing-off", "paused", "failed", "stopped"] as const;

function one(value: (status: SinkStatus) => number): Metric["values"] {
  return (status) => [["", value(status)]];
}

const METRICS: readonly Metric[] = [
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
    values: one(({ lag }) => lag.records),
  },
  {
    name: "lag_seconds",
    type: "gauge",
    help: "age of the oldest record behind the position",
    values: one(({ lag }) => lag.seconds),
  },
  {
    name: "lag_bytes",
    type: "gauge",
    help: "bytes behind the position, by the mean record",
    values: one(({ lag }) => lag.bytes),
  },
  {
    name: "applied_total",
    type: "counter",
    help: "records that are written",
    values: one(({ applied }) => applied),
  },
  {
    name: "dead_letters_total",
    type: "counter",
    help: "records that could not be written",
    values: one(({ deadLetters }) => deadLetters),
  },
  {
    name: "residual_records",
    type: "gauge",
    help: "records passed and neither written nor dead letters; anything but 0 is a fault",
    values: one(({ residual }) => residual),
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
    values: one(({ retries }) => retries),
  },
  {
    name: "chunks_total",
    type: "counter",
    help: "transactions",
    values: one(({ chunks }) => chunks.count),
  },
  {
    name: "items_total",
    type: "counter",
    help: "mutations that are written",
    values: one(({ chunks }) => chunks.items),
  },
  {
    name: "ambiguous_commits_total",
    type: "counter",
    help: "transactions without an answer that had taken effect",
    values: one(({ ambiguousApplied }) => ambiguousApplied),
  },
  {
    name: "statements_total",
    type: "counter",
    help: "statements sent to the place; by applied_total those of a record, by chunks_total those of a transaction",
    values: one(({ counts }) => counts.statements),
  },
  {
    name: "cache_hits_total",
    type: "counter",
    help: "nodes and edges that were not searched for, because they were known to be written",
    values: one(({ counts }) => counts.cacheHits),
  },
  {
    name: "cache_misses_total",
    type: "counter",
    help: "nodes and edges that were searched for",
    values: one(({ counts }) => counts.cacheMisses),
  },
  {
    name: "stubs_total",
    type: "counter",
    help: "nodes made because an edge named them before anything had made them",
    values: one(({ counts }) => counts.stubs),
  },
  {
    name: "chunk_items_limit",
    type: "gauge",
    help: "items that the next transaction may have; less than chunkSize after slow ones and those that were too large",
    values: one(({ chunks }) => chunks.sizeNow),
  },
  {
    name: "chunk_items_max",
    type: "gauge",
    help: "items of the largest transaction",
    values: one(({ chunks }) => chunks.itemsMax),
  },
  {
    name: "chunk_bytes_max",
    type: "gauge",
    help: "bytes of the largest transaction",
    values: one(({ chunks }) => chunks.bytesMax),
  },
  {
    name: "chunk_milliseconds_max",
    type: "gauge",
    help: "the longest transaction",
    values: one(({ chunks }) => chunks.msMax),
  },
];

/** The text format of Prometheus. Names of sinks, logs and groups need no escapes: they are checked when a file is read. */
export function sinkMetrics(statuses: readonly SinkStatus[]): string {
  return METRICS.map(({ name, type, help, values }) => {
    const full = `annals_sink_${name}`;
    const lines = statuses.flatMap((status) =>
      values(status).map(([labels, value]) => {
        const whose = `sink="${status.name}",log="${status.log}",lane="${status.lane}"`;
        return `${full}{${whose}${labels === "" ? "" : `,${labels}`}} ${value}`;
      }),
    );
    return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines, ""].join("\n");
  }).join("");
}
