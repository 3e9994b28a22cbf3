// Goal: names, types and labels of the metrics stay as dashboards and alerts know them, and each help stands alone. Method: the text of two
// statuses, line by line; the types and helps of all metrics.
import { expect, test } from "vitest";
import { SinkMeter } from "../src/run/status.ts";
import type { SinkStatus } from "../src/run/status.ts";
import { sinkMetrics } from "../src/sinkMetrics.ts";

function statusOf(lane: number): SinkStatus {
  const named = { name: "archive", log: "audit", target: "memory", letters: "l", group: "g" };
  const meter = new SinkMeter({ ...named, lane }, () => 5_000);
  meter.counts(() => ({ statements: 11, cacheHits: 12, cacheMisses: 13, stubs: 14 }));
  meter.opened({ seq: 0, part: 0 });
  meter.read({ records: [], to: 9, bytes: 0 });
  meter.moved({ seq: 4, part: 0 }, { applied: 3, dead: 1 });
  meter.passed(4, 0);
  meter.wrote(3, 300, 21, 200);
  meter.failed("sink", "conflict", new Error("in the way"));
  meter.ambiguousApplied = 2;
  meter.retries = 1;
  meter.state = "backing-off";
  return meter.status();
}

/** Lines without the helps. */
const LINES = `
# TYPE annals_sink_state gauge
annals_sink_state{sink="archive",log="audit",lane="0",state="standby"} 0
annals_sink_state{sink="archive",log="audit",lane="0",state="running"} 0
annals_sink_state{sink="archive",log="audit",lane="0",state="backing-off"} 1
annals_sink_state{sink="archive",log="audit",lane="0",state="paused"} 0
annals_sink_state{sink="archive",log="audit",lane="0",state="failed"} 0
annals_sink_state{sink="archive",log="audit",lane="0",state="stopped"} 0
annals_sink_state{sink="archive",log="audit",lane="1",state="standby"} 0
annals_sink_state{sink="archive",log="audit",lane="1",state="running"} 0
annals_sink_state{sink="archive",log="audit",lane="1",state="backing-off"} 1
annals_sink_state{sink="archive",log="audit",lane="1",state="paused"} 0
annals_sink_state{sink="archive",log="audit",lane="1",state="failed"} 0
annals_sink_state{sink="archive",log="audit",lane="1",state="stopped"} 0
# TYPE annals_sink_lag_records gauge
annals_sink_lag_records{sink="archive",log="audit",lane="0"} 5
annals_sink_lag_records{sink="archive",log="audit",lane="1"} 5
# TYPE annals_sink_lag_seconds gauge
annals_sink_lag_seconds{sink="archive",log="audit",lane="0"} 0
annals_sink_lag_seconds{sink="archive",log="audit",lane="1"} 0
# TYPE annals_sink_lag_bytes gauge
annals_sink_lag_bytes{sink="archive",log="audit",lane="0"} 0
annals_sink_lag_bytes{sink="archive",log="audit",lane="1"} 0
# TYPE annals_sink_applied_total counter
annals_sink_applied_total{sink="archive",log="audit",lane="0"} 3
annals_sink_applied_total{sink="archive",log="audit",lane="1"} 3
# TYPE annals_sink_dead_letters_total counter
annals_sink_dead_letters_total{sink="archive",log="audit",lane="0"} 1
annals_sink_dead_letters_total{sink="archive",log="audit",lane="1"} 1
# TYPE annals_sink_residual_records gauge
annals_sink_residual_records{sink="archive",log="audit",lane="0"} 0
annals_sink_residual_records{sink="archive",log="audit",lane="1"} 0
# TYPE annals_sink_failures_total counter
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="transient"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="conflict"} 1
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="tooLarge"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="data"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="fenced"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="settings"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="0",class="unknown"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="transient"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="conflict"} 1
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="tooLarge"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="data"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="fenced"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="settings"} 0
annals_sink_failures_total{sink="archive",log="audit",lane="1",class="unknown"} 0
# TYPE annals_sink_retries gauge
annals_sink_retries{sink="archive",log="audit",lane="0"} 1
annals_sink_retries{sink="archive",log="audit",lane="1"} 1
# TYPE annals_sink_chunks_total counter
annals_sink_chunks_total{sink="archive",log="audit",lane="0"} 1
annals_sink_chunks_total{sink="archive",log="audit",lane="1"} 1
# TYPE annals_sink_items_total counter
annals_sink_items_total{sink="archive",log="audit",lane="0"} 3
annals_sink_items_total{sink="archive",log="audit",lane="1"} 3
# TYPE annals_sink_ambiguous_commits_total counter
annals_sink_ambiguous_commits_total{sink="archive",log="audit",lane="0"} 2
annals_sink_ambiguous_commits_total{sink="archive",log="audit",lane="1"} 2
# TYPE annals_sink_statements_total counter
annals_sink_statements_total{sink="archive",log="audit",lane="0"} 11
annals_sink_statements_total{sink="archive",log="audit",lane="1"} 11
# TYPE annals_sink_cache_hits_total counter
annals_sink_cache_hits_total{sink="archive",log="audit",lane="0"} 12
annals_sink_cache_hits_total{sink="archive",log="audit",lane="1"} 12
# TYPE annals_sink_cache_misses_total counter
annals_sink_cache_misses_total{sink="archive",log="audit",lane="0"} 13
annals_sink_cache_misses_total{sink="archive",log="audit",lane="1"} 13
# TYPE annals_sink_stubs_total counter
annals_sink_stubs_total{sink="archive",log="audit",lane="0"} 14
annals_sink_stubs_total{sink="archive",log="audit",lane="1"} 14
# TYPE annals_sink_chunk_items_limit gauge
annals_sink_chunk_items_limit{sink="archive",log="audit",lane="0"} 200
annals_sink_chunk_items_limit{sink="archive",log="audit",lane="1"} 200
# TYPE annals_sink_chunk_items_max gauge
annals_sink_chunk_items_max{sink="archive",log="audit",lane="0"} 3
annals_sink_chunk_items_max{sink="archive",log="audit",lane="1"} 3
# TYPE annals_sink_chunk_bytes_max gauge
annals_sink_chunk_bytes_max{sink="archive",log="audit",lane="0"} 300
annals_sink_chunk_bytes_max{sink="archive",log="audit",lane="1"} 300
# TYPE annals_sink_chunk_milliseconds_max gauge
annals_sink_chunk_milliseconds_max{sink="archive",log="audit",lane="0"} 21
annals_sink_chunk_milliseconds_max{sink="archive",log="audit",lane="1"} 21
`;

test("every metric has the name, the type and the labels that it has always had", async () => {
  const text = await sinkMetrics([statusOf(0), statusOf(1)]);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("# HELP"));
  expect(lines).toEqual(LINES.trim().split("\n"));
});

test("every help is a sentence about the metric's thing", async () => {
  const helps = (await sinkMetrics([statusOf(0)])).match(/^# HELP \S+ .*$/gm) ?? [];
  expect(helps.length).toBe(20);
  for (const help of helps) expect(help).toMatch(/^# HELP annals_sink_\w+ [1A-Z].*\.$/);
});
