/**
 * Goal: the commands of README and the documents do what is said there: each is run as it is printed, and ends well. Method: against a real node
 * in this process, in a throw-away directory with the files that they name. What cannot run here is listed with what runs it instead.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { fsckNode } from "@annals/storage";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { freePort, startTestNode, stopTestNode, untilReady } from "@annals/fake-server";
import type { TestNode } from "@annals/fake-server";
import { CliRun } from "./harness.ts";
import { ROOT, codeLines, documents, words } from "./printedText.ts";

const OWN_CLUSTER = "starts a cluster of its own: test/dev, integration-tests/bench.test.ts";
const DRILL = "is a drill: integration-tests/drill.test.ts and scenarios.test.ts";
const RESOLVE = "needs a log that has diverged: integration-tests/resolve.test.ts";
const GRAPH = "needs the history of a repository: integration-tests/gitGraph.test.ts";
const LETTERS = "needs a dead letter: test/sink.test.ts";
const SOURCES =
  "needs brokers and a database: integration-tests/kafkaSource.test.ts, test/source.test.ts";
const MACHINES = "needs the three machines of the page: integration-tests/failures.test.ts";

/** The beginning of a line, and why it is not run here. */
const NOT_RUN: readonly (readonly [line: string, why: string])[] = [
  ["annals dev", OWN_CLUSTER],
  ["annals bench", OWN_CLUSTER],
  ["annals drill catch-up.yaml", DRILL],
  ["annals drill --verbose", DRILL],
  ["annals drill -o ndjson", DRILL],
  ["annals drill --picture", DRILL],
  ["annals drill --markdown", DRILL],
  ["annals drill --keep", DRILL],
  ["annals log resolve audit --keep", RESOLVE],
  ["annals log resolve _system", RESOLVE],
  ["annals sink run packages/apps/cli/examples/git", GRAPH],
  ["annals graph query", GRAPH],
  ["annals import git ~/src/linux", "needs the history of Linux: test/git/importGit.test.ts"],
  ["annals sink letters retry warehouse 4711", LETTERS],
  ["annals sink letters skip", LETTERS],
  ["annals source test sources.yaml", SOURCES],
  ["annals source run sources.yaml", SOURCES],
  ["annals source list", SOURCES],
  ["annals start", MACHINES],
  ["annals config check annals.yaml && annals start", MACHINES],
];

/** Commands that go on until Ctrl-C, and what shows that they work. */
const GOES_ON: ReadonlyMap<string, string> = new Map([
  ["annals append --follow app.ndjson", "app.ndjson goes to audit"],
  ["annals tail -f -o ndjson", '"action":"login"'],
  ["annals sink run sinks.yaml", "running 2 lanes"],
]);

/** What the command on the left of a pipe prints. */
const LEFT_OF_PIPE: ReadonlyMap<string, string> = new Map([
  ["jq -c '.[]' export.json", '{"actor":{"id":"jq"},"action":"login"}\n'],
]);

const RECORD = '{"actor":{"id":"ada"},"action":"login"}\n';

let node: TestNode;
let directory: string;
let runner: string;
const goingOn = new Map<string, CliRun>();

beforeAll(async () => {
  node = await startTestNode();
  await untilReady(node.node);
  directory = mkdtempSync(join(tmpdir(), "annals-printed-"));
  runner = `127.0.0.1:${await freePort()}`;
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "annals.yaml": yamlOf("README.md", "data: /var/lib/annals"),
    "records.ndjson": RECORD.repeat(60),
    "app.ndjson": RECORD,
    "2026-01.ndjson.gz": gzipSync(RECORD),
    "report.pdf": "%PDF",
    "order.json": '{"type":"object"}',
    "sinks.yaml": `listen: ${runner}\nsinks:\n  archive: { to: { ndjson: { directory: one } } }\n  warehouse: { to: { ndjson: { directory: two } } }\n`,
  };
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(directory, name), content);
  const git = (...args: string[]): Buffer =>
    execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], { cwd: directory });
  git("init", "--quiet");
  git("add", "report.pdf");
  git("commit", "--quiet", "--message", "one");
});
afterAll(async () => {
  await stopAll();
  await stopTestNode(node);
  rmSync(directory, { recursive: true });
});

async function stopAll(): Promise<void> {
  await Promise.all([...goingOn.values()].map(stopped));
  await node.node.close();
}

/** The block of a page that has a line. */
function yamlOf(page: string, line: string): string {
  const blocks = readFileSync(join(ROOT, page), "utf8").split(/^```.*\n/m);
  return blocks.find((block) => block.includes(`\n${line}\n`)) ?? "";
}

function isCommand(line: string): boolean {
  return /(?:^|\| )(?:annals|curl) /.test(line);
}

/** A line as it is typed where the command is on the PATH. */
function typed(line: string): string {
  return line.replace(/^time /, "").replace(/^npx (?:-y pnpm@\S+ )?/, "");
}

function reasonNotToRun(line: string): string | undefined {
  return NOT_RUN.find(([start]) => line.startsWith(start))?.[1];
}

const LINES = documents().flatMap((page) =>
  codeLines(page)
    .map(typed)
    .filter(isCommand)
    .map((line) => [page, line] as const),
);
/** Those of a stopped node come last: by then it is. */
const RUN = LINES.filter(([, line]) => reasonNotToRun(line) === undefined).toSorted(
  ([, one], [, other]) => Number(ofStoppedNode(one)) - Number(ofStoppedNode(other)),
);

function ofStoppedNode(line: string): boolean {
  return line.startsWith("annals fsck ");
}

async function stopped(run: CliRun): Promise<void> {
  run.interrupt();
  expect([0, 130]).toContain((await run.outcome).code);
}

/** The command in this process, with what the page cannot know in place of its addresses and paths. */
function started(line: string, stdin: string): CliRun {
  const [command = ""] = line.split(" > ");
  const [, ...argv] = words(command).flatMap((word) =>
    word.includes("*.") ? globSync(word, { cwd: directory }) : [word],
  );
  const asksRunner = /^annals sink (?:list|pause|compare|letters)/.test(line);
  const places = argv.map((word) =>
    word === "/var/lib/annals" ? node.directory : word === "http://a:7400" ? node.node.url : word,
  );
  return new CliRun([...places, ...(asksRunner ? ["--runner", runner] : [])], {
    cwd: directory,
    env: { ANNALS_URL: node.node.url, ANNALS_TIMEOUT: "20s" },
    stdin,
    fsckNode,
  });
}

async function curl(line: string): Promise<void> {
  const [, ...argv] = words(line.replace("http://127.0.0.1:7400", node.node.url));
  const url = argv.find((word) => word.startsWith("http")) ?? "";
  const body = argv[argv.indexOf("-d") + 1];
  const isPost = argv.includes("-d") && body !== undefined;
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, isPost ? { method: "POST", headers, body } : {});
  expect(response.ok).toBe(true);
  expect(await response.text()).toContain(isPost ? '"firstSeq"' : '"actor":{"id":"ada"}');
}

test("what is not run is printed somewhere, and all the rest is run", () => {
  for (const [start] of NOT_RUN)
    expect(LINES.filter(([, line]) => line.startsWith(start))).not.toEqual([]);
  for (const line of [...GOES_ON.keys(), ...LEFT_OF_PIPE.keys()])
    expect(LINES.some(([, one]) => one.startsWith(line))).toBe(true);
  expect(LINES.length - RUN.length).toBe(25);
  expect(RUN.length).toBeGreaterThan(30);
});

test.each(RUN)("%s: %s", async (_page, line) => {
  if (line.startsWith("curl ")) return curl(line);
  if (line.includes(" sink replay ")) {
    const before = goingOn.get("annals sink run sinks.yaml");
    if (before !== undefined) await stopped(before);
  }
  if (ofStoppedNode(line)) await stopAll();
  const [left = "", right] = line.split(" | ");
  const run = started(right ?? line, right === undefined ? "" : (LEFT_OF_PIPE.get(left) ?? ""));
  const sign = GOES_ON.get(line);
  if (sign !== undefined) goingOn.set(line, run);
  const seen = (): string => run.stdout + run.stderr;
  const end =
    sign === undefined
      ? await run.outcome
      : await vi.waitUntil(() => seen().includes(sign) && { code: 0 }, { timeout: 20_000 });
  expect(end.code).toBe(0);
  expect(run.stderr.replace(sign ?? "", "")).not.toMatch(/^annals: .*\(ERR_/m);
});
