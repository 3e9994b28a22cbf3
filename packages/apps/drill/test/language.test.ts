/**
 * Goal: a wrong scenario is told with every problem at once, by line, column and what was meant; a right one is read as it was written.
 * Method: small files, one mistake a kind; the scenarios of the repository; the schema that is checked in.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ScenarioError } from "../src/language/problem.ts";
import { parseScenario } from "../src/language/parseScenario.ts";
import { scenarioJsonSchema } from "../src/language/schema.ts";
import type { Scenario } from "../src/language/scenario.ts";

const root = join(import.meta.dirname, "../../../..");

function problemsOf(text: string): readonly string[] {
  try {
    parseScenario(text, "x.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof ScenarioError) || error.code !== "ERR_SCENARIO") throw error;
    return error.problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
}

function scenarioOf(...lines: readonly string[]): Scenario {
  return parseScenario(["name: x", ...lines, "expect: [{ converged: true }]"].join("\n"), "x.yaml");
}

/** Three lines before `steps`, so that a step is on line 4. */
function steps(...lines: readonly string[]): string {
  return ["name: x", "expect: [{ converged: true }]", "steps:", ...lines].join("\n");
}

describe("a wrong file", () => {
  it("is told with all problems at once, in the order of the lines", () => {
    const text = steps(
      "  - stopp: c",
      "  - append: { batches: 40, record: 500, bytes: 1KiB }",
      "  - wait: 5",
      "  - repeat: { times: 2, steps: [{ kil: c }, { wait: 5x }] }",
    );
    expect(problemsOf(text)).toEqual([
      '4:5 unknown key "stopp", did you mean "stop"?',
      '5:28 unknown key "record", did you mean "records"?',
      "6:11 wait: expected a duration such as 500ms or 30s, found 5",
      '7:35 unknown key "kil", did you mean "kill"?',
      '7:53 wait: unknown unit "x" in "5x": known are ms, s, m, h, d',
    ]);
  });

  it("names what is not there: nodes, logs, queues, loads, programs, keys of the configuration", () => {
    const text = [
      "name: x",
      "proves: [receive.wroker]",
      "config: { replication: { receive: { eventHighWaterMark: 0 } } }",
      "steps:",
      "  - stop: [c, d]",
      "  - append: { log: adit, batches: 1 }",
      "  - endLoad: background",
      "  - killProgram: import",
      "  - kill: follower3",
      "expect:",
      "  - peak: { gauge: receive.lnk, node: e, atMost: budget }",
    ].join("\n");
    const problems = problemsOf(text);
    expect(problems).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^3:57 config: .*0 is below the least value 1/),
        '5:15 unknown node "d", did you mean "a"?',
        '6:20 unknown log "adit", did you mean "audit"?',
        '7:14 unknown load "background", there is none before this',
        '8:18 unknown program "import", there is none before this',
        "9:11 there is no follower3: the cluster has 3 nodes",
        '11:39 unknown node "e", did you mean "a"?',
        '11:50 "budget" means nothing here: use cap, item, sizes and counts',
      ]),
    );
    const mended = problemsOf(text.replace("eventHighWaterMark: 0", "eventHighWaterMark: 1"));
    expect(mended).toContain('2:10 unknown queue "receive.wroker", did you mean "receive.worker"?');
    expect(mended).toContain(
      '2:10 nothing is expected of "receive.wroker": add peak: { gauge: receive.wroker … }',
    );
    expect(mended).toContain('11:20 unknown queue "receive.lnk", did you mean "receive.link"?');
  });

  it.each([
    ["name: [", /^1:\d+ /],
    ["", /expected a scenario/],
    ["name: x\nsteps: []\nexpect: [{ converged: true }]", /2:8 steps: there is no step/],
    ["name: x\nsteps: [{ wait: 1s }]\nexpect: []", /3:9 expect: nothing is expected/],
    [steps("  - { stop: a, start: b }"), /4:5 steps: start and stop in one entry/],
    [steps("  - waitFor: { within: 5s }"), /4:14 waitFor: there is no condition here/],
    [steps('  - waitFor: { logLine: { node: a, matches: "(" } }'), /matches: is no regular expr/],
    [steps("  - slowDisk: { node: a }"), /slowDisk: needs delay or bytesPerSecond/],
    [steps("  - append: { batches: 0 }"), /batches: expected a whole number, 1 or more, found 0/],
  ])("%j is refused", (text, message) => {
    expect(problemsOf(text).join("\n")).toMatch(message);
  });

  it("cannot grow by aliases without end", () => {
    const bomb = ["a: &a [x, x, x, x, x, x, x, x, x, x]"];
    for (let k = 0; k < 9; k++)
      bomb.push(`${"bcdefghij"[k]}: &${"bcdefghij"[k]} [${`*${"abcdefghi"[k]},`.repeat(9)} 1]`);
    expect(problemsOf(bomb.join("\n")).join()).toMatch(/Excessive alias count/);
  });
});

describe("a right file", () => {
  it("gets its defaults, and its units as numbers", () => {
    const scenario = scenarioOf(
      "nodes: 2",
      "logs: 3",
      "steps:",
      "  - append: { log: log-2, batches: 7, bytes: 1KiB, rate: 200/s }",
      "  - freeze: { node: follower, for: 2s }",
    );
    expect(scenario.nodes).toEqual(["a", "b"]);
    expect(scenario.logs).toEqual(["log-1", "log-2", "log-3"]);
    expect(scenario.size).toBe("medium");
    const [append, freeze] = scenario.steps;
    expect(append?.body).toEqual({
      logs: ["log-2"],
      batches: 7,
      records: 1,
      bytes: 1024,
      inFlight: 4,
      rate: 200,
      to: undefined,
    });
    expect(freeze).toEqual({
      kind: "freeze",
      body: { node: "follower", for: 2000 },
      text: "freeze: { node: follower, for: 2s }",
    });
  });

  it("keeps limits as sums of words and amounts", () => {
    const text = [
      "name: x",
      "steps: [{ wait: 1s }]",
      "expect:",
      "  - peakRssOverIdle: { atMost: budget + 64MiB + 1KiB }",
      "  - peak: { gauge: receive.events, atMost: 100 }",
    ].join("\n");
    const [rss, peak] = parseScenario(text, "x.yaml").expect;
    expect(rss?.body).toMatchObject({ atMost: { words: ["budget"], amount: 64 * 2 ** 20 + 1024 } });
    expect(peak?.body).toMatchObject({ atMost: { words: [], amount: 100 } });
  });
});

describe("the repository", () => {
  const directory = join(root, "integration-tests/scenarios");
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .toSorted();

  it("has scenarios", () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.each(files)("%s can be read", (name) => {
    const scenario = parseScenario(readFileSync(join(directory, name), "utf8"), name);
    expect(scenario.steps.length).toBeGreaterThan(0);
  });

  it("lists the queues that the scenarios show", () => {
    const shown = new Map<string, string[]>();
    for (const name of files) {
      const { proves } = parseScenario(readFileSync(join(directory, name), "utf8"), name);
      for (const queue of proves)
        shown.set(queue, [...(shown.get(queue) ?? []), `\`${name.replace(".yaml", "")}\``]);
    }
    const rows = [...shown].map(([queue, names]) => `| \`${queue}\` | ${names.join(", ")} |`);
    const text = readFileSync(join(directory, "README.md"), "utf8");
    const [, table = ""] = text.split("## Queues");
    expect(table.match(/^\| `.*$/gm)).toEqual(rows.toSorted());
  });

  it("has the schema that the language is read with; `annals drill --schema` prints it", () => {
    const text = readFileSync(join(root, "docs/drill.schema.json"), "utf8");
    expect(JSON.parse(text)).toEqual(scenarioJsonSchema());
  });
});
