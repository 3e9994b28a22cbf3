// Goal: names, types and labels of the metrics stay as dashboards and alerts know them, whatever a part is called; each help stands alone.
// Method: the text of one status, line by line.
import { expect, test } from "vitest";
import { sourceMetrics } from "../src/sourceMetrics.ts";
import { SourceMeter } from "../src/status.ts";

function meterOf(parts: readonly string[]): SourceMeter {
  const meter = new SourceMeter({ name: "orders", log: "audit", target: "nothing" });
  meter.dealt(parts);
  for (const part of parts) meter.found(part, 1n, 8n);
  return meter;
}

test("every metric has the name, the type and the labels that it has always had", async () => {
  const meter = meterOf(['t/"1\\\n']);
  meter.count("records", 3);
  meter.failed(new Error("away"), "backing-off");
  const text = await sourceMetrics([meter.status()]);
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("# HELP"));
  const whose = 'source="orders",log="audit"';
  expect(lines).toEqual([
    "# TYPE annals_source_state gauge",
    `annals_source_state{${whose},state="starting"} 0`,
    `annals_source_state{${whose},state="standby"} 0`,
    `annals_source_state{${whose},state="running"} 0`,
    `annals_source_state{${whose},state="backing-off"} 1`,
    `annals_source_state{${whose},state="failed"} 0`,
    `annals_source_state{${whose},state="stopped"} 0`,
    "# TYPE annals_source_lag gauge",
    `annals_source_lag{${whose}} 7`,
    "# TYPE annals_source_part_lag gauge",
    `annals_source_part_lag{${whose},part="t/\\"1\\\\\\n"} 7`,
    "# TYPE annals_source_parts gauge",
    `annals_source_parts{${whose}} 1`,
    "# TYPE annals_source_records_total counter",
    `annals_source_records_total{${whose}} 3`,
    "# TYPE annals_source_dead_letters_total counter",
    `annals_source_dead_letters_total{${whose},reason="mapping"} 0`,
    `annals_source_dead_letters_total{${whose},reason="refused"} 0`,
    "# TYPE annals_source_takeovers_total counter",
    `annals_source_takeovers_total{${whose}} 0`,
    "# TYPE annals_source_rebalances_total counter",
    `annals_source_rebalances_total{${whose}} 1`,
    "# TYPE annals_source_retries_total counter",
    `annals_source_retries_total{${whose}} 1`,
  ]);
});

test("every help is a sentence about the metric's thing", async () => {
  const helps = (await sourceMetrics([])).match(/^# HELP .*$/gm) ?? [];
  expect(helps.length).toBe(9);
  for (const help of helps) expect(help).toMatch(/^# HELP annals_source_\w+ [1A-Z].*\.$/);
});

test("the series of parts are the first 200, however many there are", async () => {
  const parts = Array.from({ length: 1_000 }, (_, k) => `t/${k}`);
  const text = await sourceMetrics([meterOf(parts).status()]);
  expect(text.match(/^annals_source_part_lag\{/gm)).toHaveLength(200);
});
