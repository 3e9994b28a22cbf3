// Goal: docs/bounds.md says what the table of bounds says (`vitest -u` writes it anew), and the test of every row exists.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustLoad } from "@annals/kit";
import { expect, test } from "vitest";
import { findKey } from "../../src/keys/keys.ts";
import { formatBytes } from "../../src/units.ts";
import type { Bound } from "../../src/budget/bound.ts";
import { BOUNDS } from "../../src/budget/bounds.ts";

const ROOT = fileURLToPath(new URL("../../../../../", import.meta.url));

const INTRODUCTION = `# Bounds

Every queue and buffer of a node, what bounds it, and what happens at the cap. One item may cross a cap, so that nothing is ever too large to
move: the bound is cap plus one item. \`annals config check\` prints the same rows with the numbers of a configuration, their sum, and how
many logs fit \`memory.limit\`; a node whose sum is larger does not start. \`GET /v1/cluster\` shows under \`memory\` what the rows hold and
have held at most, under these names. *Default* is the cap where memory is plenty: some are lowered to fit a smaller machine, as
[configuration.md](configuration.md) says. *Shown by* is the test that meets the cap, and the
[scenarios](../integration-tests/scenarios/README.md#queues) that fill a whole cluster's queue and hold it to the cap.

Not counted is memory that was let go of and that V8 has not collected yet; \`memory.limit\` leaves a quarter of the machine for it and for
the kernel's file pages. *worker* stands for shared and isolated ones together, *stream* is a log and a peer, *link* an accepted data link: a log, \`_system\` too, and a peer; *client* a connection of the client stream.

What a small default costs: with \`replication.append.maxEntries\` of 64 a follower that has missed a million records catches up with 290 500
a second, with 256 it is 307 100 (\`pnpm bench --settings\`, medians of three runs each in turns on two cores, which differ by a fifth among
themselves).

| Name | Holds | One per | Unit | Default | Set by | At the cap | Shown by |
| --- | --- | --- | --- | --- | --- | --- | --- |
`;

/** Where no default is lowered. */
const ROOMY = mustLoad({ text: "data: /tmp/annals\nmemory: { limit: 64GiB }\n" });

function defaultCell({ setBy, unit, cap }: Bound): string {
  if (setBy === undefined) return "–";
  return unit === "bytes" ? formatBytes(cap(ROOMY)) : String(cap(ROOMY));
}

const SCENARIOS = join(ROOT, "integration-tests/scenarios");
const NAMED_SCENARIOS = 2;

/** Scenarios by the queues that they say to show. */
function scenariosByQueue(): ReadonlyMap<string, readonly string[]> {
  const shown = new Map<string, string[]>();
  const files = readdirSync(SCENARIOS, { recursive: true, encoding: "utf8" }).toSorted();
  for (const file of files.filter((name) => name.endsWith(".yaml"))) {
    const text = readFileSync(join(SCENARIOS, file), "utf8");
    const [, queues = ""] = /^proves: \[(.*)\]$/m.exec(text) ?? [];
    for (const queue of queues.split(", "))
      shown.set(queue, [...(shown.get(queue) ?? []), `\`${file.replace(".yaml", "")}\``]);
  }
  return shown;
}

function shownCell({ name, test: shown }: Bound, scenarios: readonly string[]): string {
  const [file, title] = shown ?? [];
  const tests = file === undefined ? [] : [`\`${file}\`${title === "" ? "" : `: ${title}`}`];
  const named =
    scenarios.length > NAMED_SCENARIOS
      ? [`${scenarios.length} scenarios, \`${name}\` there`]
      : scenarios;
  const all = [...tests, ...named];
  return all.length === 0 ? "–" : all.join("; ");
}

function keyCell({ setBy }: Bound): string {
  if (setBy === undefined) return "**not bounded**";
  return setBy.replace(/[a-z]+(\.[a-zA-Z]+)+/g, (key) => `\`${key}\``);
}

function row(bound: Bound, scenarios: readonly string[]): string {
  const { name, holds, per, unit, atCap } = bound;
  const cells = [holds, per, unit, defaultCell(bound), keyCell(bound), atCap];
  return `| \`${name}\` | ${[...cells, shownCell(bound, scenarios)].join(" | ")} |`;
}

test("docs/bounds.md is the table of bounds", async () => {
  const scenarios = scenariosByQueue();
  const rows = BOUNDS.map((bound) => row(bound, scenarios.get(bound.name) ?? []));
  const text = `${INTRODUCTION}${rows.join("\n")}\n`;
  await expect(text).toMatchFileSnapshot("../../../../../docs/bounds.md");
});

test("names are unique, keys exist, and caps are at least 1", () => {
  expect(new Set(BOUNDS.map(({ name }) => name)).size).toBe(BOUNDS.length);
  const config = mustLoad({ text: "data: /tmp/annals\n" });
  for (const { name, setBy, cap } of BOUNDS) {
    if (setBy === undefined) continue;
    expect([name, cap(config) >= 1]).toEqual([name, true]);
    for (const key of setBy.match(/\b[a-z]+\.[a-zA-Z.]+/g) ?? [])
      expect([key, (findKey(key) ?? findKey(`replication.${key}`)) !== undefined]).toEqual([
        key,
        true,
      ]);
  }
});

test.each(BOUNDS.filter(({ test: shown }) => shown !== undefined))(
  "the test of $name exists",
  ({ test: [file, title] = ["", ""] }) => {
    expect(readFileSync(join(ROOT, file), "utf8").includes(title)).toBe(true);
  },
);
