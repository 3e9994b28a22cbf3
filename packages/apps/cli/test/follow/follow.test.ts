// Goal: `append --follow` appends every line of a growing file once and in order: over restarts, renames, truncation and bad lines, and says
// which. Method: the command in this process over a node in memory that recognises repeats; the test writes the file.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnalsError } from "@annals/record";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { CliRun, cli } from "../harness.ts";

/** For conditions; on a busy machine a second may be too short. */
const WAIT = { timeout: 20_000 };

let server: TestServer;
let directory: string;
let file: string;
let runs: CliRun[];

beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-follow-"));
  file = join(directory, "app.ndjson");
  runs = [];
});
afterEach(async () => {
  for (const run of runs) run.interrupt();
  await Promise.all(runs.map((run) => run.outcome));
  await server.close();
  rmSync(directory, { recursive: true });
});

const line = (action: string): string => `${JSON.stringify({ actor: { id: "a" }, action })}\n`;

function follow(...more: string[]): CliRun {
  const env = { ANNALS_URL: server.url };
  const run = new CliRun(["append", "--follow", "app.ndjson", ...more], { env, cwd: directory });
  runs.push(run);
  return run;
}

async function stored(): Promise<string[]> {
  const options = { env: { ANNALS_URL: server.url }, cwd: directory };
  const { stdout } = await cli(["query", "-o", "ndjson"], options);
  return stdout
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => (JSON.parse(text) as { action: string }).action);
}

async function untilStored(...actions: string[]): Promise<void> {
  await vi.waitFor(async () => expect(await stored()).toEqual(actions), WAIT);
}

test("waits for the file and for whole lines, and flushes at Ctrl-C", async () => {
  const run = follow();
  await vi.waitFor(() => expect(run.stderr).toContain("app.ndjson goes to audit"), WAIT);
  writeFileSync(file, line("a") + line("b").slice(0, 10));
  await untilStored("a");
  appendFileSync(file, `${line("b").slice(10)}\n${line("c")}`);
  await untilStored("a", "b", "c");
  appendFileSync(file, line("d") + line("e").slice(0, 5));
  run.interrupt();
  expect(await run.outcome).toMatchObject({ code: 0 });
  expect(await stored()).toEqual(["a", "b", "c", "d"]);
});

test("goes on where it was, also in a file that was renamed meanwhile", async () => {
  writeFileSync(file, line("a") + line("b"));
  const first = follow();
  await untilStored("a", "b");
  first.interrupt();
  expect(await first.outcome).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("2 records"),
  });
  appendFileSync(file, line("c"));
  renameSync(file, join(directory, "app.ndjson.1"));
  writeFileSync(file, line("d"));
  follow();
  await untilStored("a", "b", "c", "d");
});

test("finishes a file that is renamed while it is followed, then takes the next one", async () => {
  writeFileSync(file, line("a"));
  const run = follow();
  await untilStored("a");
  renameSync(file, join(directory, "app.ndjson.1"));
  appendFileSync(join(directory, "app.ndjson.1"), line("b") + line("c").trimEnd());
  writeFileSync(file, line("d"));
  await untilStored("a", "b", "c", "d");
  expect(run.stderr).toContain("was renamed");
});

test("begins again when the file is truncated, and says so", async () => {
  writeFileSync(file, line("first") + line("second"));
  const run = follow();
  await untilStored("first", "second");
  writeFileSync(file, line("x"));
  await untilStored("first", "second", "x");
  expect(run.stderr).toContain("was truncated");
});

test("sends the very same request again when it ended before the answer", async () => {
  writeFileSync(file, line("a") + line("b"));
  let answers = 0;
  server.service.afterAppend = () => {
    if (answers++ === 0) throw new AnnalsError("ERR_OUTCOME_UNKNOWN", "cut", { retryable: true });
  };
  const run = follow("--timeout", "1ms");
  await vi.waitFor(async () => expect(await stored()).toEqual(["a", "b"]), WAIT);
  run.interrupt();
  await run.outcome;
  appendFileSync(file, line("c"));
  const again = follow();
  await untilStored("a", "b", "c");
  again.interrupt();
  expect(await again.outcome).toMatchObject({ code: 0 });
});

test("a bad line ends it by name; what precedes is appended", async () => {
  writeFileSync(file, `${line("a")}\n${line("b")}{"action":"no actor"}\n${line("c")}`);
  const out = await follow().outcome;
  const at = `${line("a")}\n${line("b")}`.length;
  expect(out).toMatchObject({ code: 1 });
  expect(out.stderr).toContain(`app.ndjson:4, byte ${at}`);
  expect(await stored()).toEqual(["a", "b"]);
});

test("a bad line becomes a dead letter, once, and the rest goes on", async () => {
  writeFileSync(file, `{"x":1}\n${line("a")}nonsense\n\n${line("b")}`);
  const run = follow("--dead-letters", "dead.ndjson");
  await untilStored("a", "b");
  appendFileSync(file, `{}\n${line("c")}`);
  await untilStored("a", "b", "c");
  run.interrupt();
  expect(await run.outcome).toMatchObject({ code: 0 });
  const letters = readFileSync(join(directory, "dead.ndjson"), "utf8")
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as { line: number; text: string });
  expect(letters).toMatchObject([
    { line: 1, text: '{"x":1}' },
    { line: 3, text: "nonsense" },
    { line: 6, text: "{}" },
  ]);
});

test("two commands with one state: the second one is refused", async () => {
  writeFileSync(file, line("a"));
  follow();
  await untilStored("a");
  expect(await follow().outcome).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("ERR_FOLLOW_CONCURRENT"),
  });
});

test("what is no state, and that of another log, is refused", async () => {
  writeFileSync(file, line("a"));
  writeFileSync(join(directory, "s"), "{}");
  expect(await follow("--state", "s").outcome).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("ERR_FOLLOW_STATE"),
  });
  const none = await cli(["append", "--state", "s"], { cwd: directory });
  expect(none).toMatchObject({ code: 2 });
});

test("what is no regular file is refused", async () => {
  mkdirSync(file);
  expect(await follow().outcome).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is no regular file"),
  });
});
