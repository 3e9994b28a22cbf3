// Goal: `append FILE…` brings files into a log once, whatever they look like, and when it ends
// early it says exactly what is in the log. Method: the command in this process over a node in
// memory, which can lose answers; what it says is held against what the log has.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { AnnalsError } from "@annals/record";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { CliRun, cli } from "../harness.ts";
import type { CliOptions, Outcome } from "../harness.ts";

let server: TestServer;
let directory: string;

beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-append-"));
});
afterEach(async () => {
  await server.close();
  // Whatever it ended with, the command has closed what it opened.
  const open = openBelow(directory);
  if (open.length > 0) throw new Error(`left open: ${open.join(", ")}`);
  rmSync(directory, { recursive: true });
});

function openBelow(path: string): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(path) ? [target] : [];
    } catch {
      return [];
    }
  });
}

const line = (action: string): string => `${JSON.stringify({ actor: { id: "a" }, action })}\n`;
const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, k) => line(`n${from + k}`)).join("");
const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, k) => `n${from + k}`);

function options(): CliOptions {
  return { env: { ANNALS_URL: server.url }, cwd: directory };
}

function append(...argv: string[]): Promise<Outcome> {
  return cli(["append", ...argv, "--timeout", "1ms"], options());
}

function write(name: string, content: string | Uint8Array): void {
  writeFileSync(join(directory, name), content);
}

async function stored(): Promise<string[]> {
  const { stdout } = await cli(["query", "--all", "-o", "ndjson"], options());
  return stdout
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => (JSON.parse(text) as { action: string }).action);
}

function letters(): { file: string; line: number; text?: string; length: number }[] {
  return readFileSync(join(directory, "dead"), "utf8")
    .trimEnd()
    .split("\n")
    .map((text) => JSON.parse(text) as { file: string; line: number; length: number });
}

describe("a line that the log does not take", () => {
  test("ends it; what is in the log is told when all answers are known", async () => {
    write("events.ndjson", `${numbered(1, 699)}{"action":"no actor"}\n${numbered(701, 1199)}`);
    const { code, stderr } = await append("events.ndjson", "--batch", "100");
    expect(code).toBe(1);
    expect(stderr).toContain("events.ndjson:700, byte ");
    expect(stderr).toContain(
      "699 records of events.ndjson, up to line 699, are in the log; nothing behind that is. " +
        "`tail -n +700 events.ndjson | annals append - --log audit` goes on there",
    );
    expect(await stored()).toEqual(names(1, 699));
  });

  test("is named by its number in the file, whatever blank lines are before it", async () => {
    write("events.ndjson", `${line("n1")}\n   \n\t\r\n${line("n2")} \n{}\n`);
    const { stderr } = await append("events.ndjson");
    expect(stderr).toContain("events.ndjson:7, byte ");
    expect(stderr).toContain("2 records of events.ndjson, up to line 6,");
    expect(await stored()).toEqual(names(1, 2));
  });

  test("becomes a dead letter, and the exit code says so", async () => {
    write("one.ndjson", `{"x":1}\n${numbered(1, 250)}nonsense\n{}\n\n${numbered(251, 300)}[1]\n`);
    write("two.ndjson", `${numbered(301, 302)}{"actor":{"id":1}}`);
    const argv = ["one.ndjson", "two.ndjson", "--batch", "20", "-o", "json"];
    const { code, stdout } = await append(...argv, "--dead-letters", "dead");
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toMatchObject({
      count: 302,
      deadLetters: 5,
      files: [
        { file: "one.ndjson", lines: 305, records: 300, deadLetters: 4 },
        { file: "two.ndjson", lines: 3, records: 2, deadLetters: 1 },
      ],
    });
    expect(await stored()).toEqual(names(1, 302));
    expect(letters()).toMatchObject([
      { file: "one.ndjson", line: 1, text: '{"x":1}' },
      { file: "one.ndjson", line: 252, text: "nonsense" },
      { file: "one.ndjson", line: 253, text: "{}" },
      { file: "one.ndjson", line: 305, text: "[1]" },
      { file: "two.ndjson", line: 3, text: '{"actor":{"id":1}}' },
    ]);
  });

  test("is found by halving when its request is refused; its neighbours are in the log", async () => {
    const long = JSON.stringify({
      actor: { id: "a" },
      action: "long",
      data: { x: "x".repeat(1e5) },
    });
    write("events.ndjson", `${numbered(1, 40)}${long}\n${numbered(41, 90)}`);
    expect(await append("events.ndjson")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("events.ndjson:41, byte "),
    });
    expect(await stored()).toEqual(names(1, 40));
    write("rest.ndjson", `${long}\n${numbered(41, 90)}`);
    expect(await append("rest.ndjson", "--dead-letters", "dead")).toMatchObject({ code: 7 });
    expect(await stored()).toEqual(names(1, 90));
    expect(letters()).toMatchObject([{ line: 1, text: long, length: long.length }]);
  });

  test("is not the one to blame when the log refuses everything", async () => {
    write("events.ndjson", numbered(1, 3));
    const argv = ["events.ndjson", "--log", "none"];
    const { code, stderr } = await append(...argv, "--dead-letters", "dead");
    expect(code).toBe(6);
    expect(stderr).toContain("ERR_LOG_NOT_FOUND");
    expect(() => letters()).toThrow("ENOENT");
  });
});

describe("files", () => {
  test("may be compressed, several, and stdin", async () => {
    write("a.ndjson", numbered(1, 10));
    // Two members, cut within a line, as rotated files that were joined have them.
    const text = Buffer.from(numbered(11, 600));
    write("b.gz", Buffer.concat([gzipSync(text.subarray(0, 777)), gzipSync(text.subarray(777))]));
    write("c.data", zstdCompressSync(Buffer.from(numbered(601, 610).trimEnd())));
    const argv = ["append", "a.ndjson", "b.gz", "-", "c.data", "-o", "json"];
    const { code, stdout } = await cli(argv, { ...options(), stdin: line("stdin") });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ count: 611 });
    expect(await stored()).toEqual([...names(1, 600), "stdin", ...names(601, 610)]);
  });

  test.each([
    ["UTF-16", Buffer.from(`\ufeff${line("a")}`, "utf16le"), "iconv -f UTF-16 -t UTF-8 in.data"],
    ["a JSON array", `[\n${line("a").trimEnd()},\n${line("b")}]\n`, "jq -c '.[]' in.data"],
    ["one object", `{"Records":[${line("a").trimEnd()}]}`, "jq -c '.Records[]' in.data"],
    ["JSON over several lines", JSON.stringify({ actor: {} }, null, 2), "jq -c . in.data"],
  ])("that are %s are refused with the command that helps", async (what, content, command) => {
    write("in.data", content);
    const { code, stderr } = await append("in.data", "--dead-letters", "dead");
    expect(code).toBe(1);
    expect(stderr).toContain(`in.data is ${what}`);
    expect(stderr).toContain(`\`${command} | annals append - --log audit\``);
    expect(await stored()).toEqual([]);
  });

  test("that are directories or missing are refused before anything is sent", async () => {
    write("a.ndjson", numbered(1, 3));
    mkdirSync(join(directory, "logs"));
    expect((await append("a.ndjson", "logs/")).stderr).toContain("annals append logs/*.ndjson");
    expect((await append("a.ndjson", "none")).stderr).toContain(
      "cannot read none: there is no such file",
    );
    expect(await stored()).toEqual([]);
  });

  test("that are cut are appended up to there, and named", async () => {
    const whole = gzipSync(Buffer.from(numbered(1, 5000)));
    write("cut.gz", whole.subarray(0, whole.length - 20));
    const { code, stderr } = await append("cut.gz");
    expect(code).toBe(1);
    const inLog = await stored();
    expect(inLog.length).toBeGreaterThan(2000);
    expect(inLog).toEqual(names(1, inLog.length));
    expect(stderr).toContain("ERR_FILE_DAMAGED");
    expect(stderr).toContain(`up to line ${inLog.length}, are in the log`);
  });
});

describe("with --state", () => {
  test("a run whose answers were lost goes on where it was, each record once", async () => {
    write("a.ndjson", numbered(1, 100));
    write("b.ndjson", numbered(101, 400));
    let answers = 0;
    server.service.afterAppend = () => {
      if (++answers >= 13) throw new AnnalsError("ERR_OUTCOME_UNKNOWN", "cut", { retryable: true });
    };
    const argv = ["a.ndjson", "b.ndjson", "--batch", "10", "--state", "s"];
    const first = await append(...argv);
    expect(first.code).toBe(4);
    expect(first.stderr).toContain("100 of the files before it");
    expect(first.stderr).toContain("The same command goes on there");
    server.service.afterAppend = () => undefined;
    expect(await append(...argv)).toMatchObject({ code: 0 });
    expect(await stored()).toEqual(names(1, 400));
  });

  test("what is in the log is not appended again, what was added is", async () => {
    write("a.ndjson", numbered(1, 10));
    await append("a.ndjson", "--state", "s");
    const again = await append("a.ndjson", "--state", "s");
    expect(again).toMatchObject({ code: 0, stdout: "nothing to append to audit\n" });
    appendFileSync(join(directory, "a.ndjson"), numbered(11, 12));
    write("b.ndjson", numbered(13, 14));
    await append("a.ndjson", "b.ndjson", "--state", "s");
    expect(await stored()).toEqual(names(1, 14));
    write("a.ndjson", numbered(20, 40));
    expect((await append("a.ndjson", "--state", "s")).stderr).toContain("ERR_FOLLOW_CHANGED");
  });

  test("a bad line is met again at the same place, and passed when it was mended", async () => {
    write("a.ndjson", `${numbered(1, 30)}{}\n${numbered(32, 50)}`);
    const argv = ["a.ndjson", "--batch", "7", "--state", "s"];
    for (let k = 0; k < 2; k++)
      expect((await append(...argv)).stderr).toContain("a.ndjson:31, byte ");
    expect(await stored()).toEqual(names(1, 30));
    expect((await append(...argv, "--dead-letters", "dead")).code).toBe(7);
    expect(await stored()).toEqual([...names(1, 30), ...names(32, 50)]);
    expect(letters()).toMatchObject([{ line: 31 }]);
  });
});

test("Ctrl-C waits for the answers and says what is in the log", async () => {
  write("a.ndjson", numbered(1, 100));
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  server.service.beforeAppend = (_log, { producer }) =>
    (producer?.sequence ?? 0) > 3 ? gate : undefined;
  const run = new CliRun(["append", "a.ndjson", "--batch", "10"], options());
  await vi.waitFor(() => expect(server.service.appends.length).toBeGreaterThan(4));
  run.interrupt();
  open();
  const { code, stderr } = await run.outcome;
  expect(code).toBe(130);
  const inLog = await stored();
  expect(inLog).toEqual(names(1, inLog.length));
  expect(inLog.length).toBeLessThan(100);
  const told = `${inLog.length} records of a.ndjson, up to line ${inLog.length}, are in the log`;
  expect(stderr).toContain(`${told}; nothing behind that is`);
});

test("an answer that is lost for good is told as not known, unless the log has it", async () => {
  write("a.ndjson", numbered(1, 30));
  server.service.beforeAppend = (_log, { producer }) => {
    if (producer?.sequence === 2)
      throw new AnnalsError("ERR_OUTCOME_UNKNOWN", "cut", { retryable: true });
  };
  const { code, stderr } = await append("a.ndjson", "--batch", "10");
  expect(code).toBe(4);
  expect(stderr).toContain("10 records of a.ndjson, up to line 10, are in the log");
  expect(stderr).toContain("whether lines 11 to 30 are, is not known");
  expect(await stored()).toEqual(names(1, 10));
});

test("a named pipe is read when somebody writes to it, and waiting for that ends at Ctrl-C", async () => {
  const pipe = join(directory, "pipe");
  execFileSync("mkfifo", [pipe]);
  const waiting = new CliRun(["append", "pipe"], options());
  await new Promise((resolve) => setImmediate(resolve));
  waiting.interrupt();
  expect((await waiting.outcome).code).toBe(130);
  const reading = new CliRun(["append", "pipe"], options());
  await writeFile(pipe, '{"actor":{"id":"p"},"action":"piped"}\n');
  expect(await reading.outcome).toMatchObject({ code: 0 });
  expect((await reading.outcome).stdout).toContain("appended 1 record");
});
