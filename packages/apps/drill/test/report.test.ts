/** Goal: what a drill has shown can be read from its table, its details and its picture. Method: an outcome as a run leaves it. */
import { expect, it } from "vitest";
import { detailText, outcomeJson, ratesText, tableRow } from "../src/report/table.ts";
import { elapsedText } from "../src/report/numbers.ts";
import { markdownTable } from "../src/report/markdown.ts";
import { memoryPicture } from "../src/report/picture.ts";
import type { DrillOutcome, NodeOutcome } from "../src/run/outcome.ts";

const MIB = 1024 * 1024;

function node(id: string, overIdle: number, times: readonly number[]): NodeOutcome {
  const curve = times.map((atMs) => ({ atMs, anon: 100 * MIB, rss: 150 * MIB }));
  const peakAnon = (100 + overIdle) * MIB;
  return {
    id,
    budget: 500 * MIB,
    memory: {
      idleAnon: 100 * MIB,
      peakAnon,
      peakRss: peakAnon,
      highWater: peakAnon,
      curve,
      stepsEndMs: 1000,
    },
    peaks: new Map([
      ["receive.link", { cap: 4 * MIB, item: MIB, largest: 3 * MIB, peak: 3 * MIB, unit: "bytes" }],
    ]),
    pauses: new Map([["event-queue", 2]]),
    workerDeaths: 0,
  };
}

const OUTCOME: DrillOutcome = {
  name: "a < b",
  file: "x.yaml",
  size: "short",
  result: "failed",
  why: undefined,
  elapsedMs: 65_000,
  verdicts: [
    { text: "converged: true", outcome: "passed", seen: "10 records" },
    { text: "peakRssOverIdle", outcome: "skipped", seen: "no /proc" },
    { text: "elections: 0", outcome: "failed", seen: "2" },
  ],
  steps: [{ text: "append: …", elapsedMs: 2000, records: 1000 }],
  nodes: [
    node("a", 10, [0, 100, 200]),
    node("b", 30, [0, 100, 200, 300, 400, 500, 600, 700, 5000, 5100, 5200, 5300]),
  ],
  records: 1000,
  elections: 2,
  logTails: new Map([["a", "first\nlast"]]),
  directory: "/tmp/kept",
};

it("the row names the node whose memory rose most, and adds the pauses of all", () => {
  expect(tableRow(OUTCOME)).toEqual({
    scenario: "a < b",
    time: "1 min 5 s",
    records: "1000",
    rssOverIdle: "30 MiB (b)",
    budget: "500 MiB",
    queues: "receive.link 75 %",
    pauses: "event-queue 4",
    elections: "2",
    result: "failed, 1 skipped",
  });
});

it("a document gets a row a drill: the fullest queue of its cap, and memory of its budget", () => {
  const [head, line, row] = markdownTable([{ ...OUTCOME, file: "x/catch-up/40.yaml" }]).split("\n");
  expect(head).toMatch(/^\| Scenario \| Result .* `receive\.link` .* \| Elections \|$/);
  expect(line).toMatch(/^(\| --- )+\|$/);
  expect(row).toBe(
    "| `catch-up/40` | failed, 1 skipped | 1 min 5 s | 1000 | 30 MiB (b) of 500 MiB | 3/4 MiB | – | – | – | – | event-queue 4 | 2 |",
  );
});

it("the details say what was expected and seen, the last log lines, and where everything is", () => {
  const text = detailText(OUTCOME);
  expect(text).toContain("✘ elections: 0\n      failed: 2");
  expect(text).toContain("– peakRssOverIdle\n      skipped: no /proc");
  expect(text).toContain("the last lines of node a:\n    first\n    last");
  expect(text).toContain("everything is kept in /tmp/kept");
  expect(ratesText(OUTCOME)).toBe("  append: …: 1000 records in 2.0 s, 500/s\n");
});

it.each([
  [999, "999 ms"],
  [59_499, "59.5 s"],
  [59_500, "1 min 0 s"],
  [599_900, "10 min 0 s"],
  [125_000, "2 min 5 s"],
])("%i ms are %s for people", (ms, text) => {
  expect(elapsedText(ms)).toBe(text);
});

it("the picture has a curve for every process, and the name as text", () => {
  const picture = memoryPicture(OUTCOME);
  expect(picture.match(/<polyline/g)).toHaveLength(3);
  expect(picture).toContain("a &lt; b");
  expect(picture).toContain("b: 30 MiB over idle at most (budget 500 MiB)");
});

it("the JSON is plain data without the curves", () => {
  const json = JSON.parse(JSON.stringify(outcomeJson(OUTCOME))) as {
    nodes: readonly { pauses: unknown; memory: Record<string, unknown> }[];
  };
  expect(json.nodes[0]?.pauses).toEqual({ "event-queue": 2 });
  expect(json.nodes[0]?.memory).not.toHaveProperty("curve");
});
