// Goal: `annals sink` reads its file strictly, asks runners, and settles dead letters. Method: files of sinks, right and wrong, and the real HTTP
// API over a node in memory.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestServer } from "../../server/test/http/testServer.ts";
import type { TestServer } from "../../server/test/http/testServer.ts";
import { CliError } from "../src/cliError.ts";
import { parseSinkFile } from "../src/sinks/sinkFile.ts";
import { cli } from "./harness.ts";
import type { Outcome } from "./harness.ts";

let directory: string;
let server: TestServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-sink-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

function annals(...argv: readonly string[]): Promise<Outcome> {
  return cli(["sink", ...argv], { env: { ANNALS_URL: server.url }, cwd: directory });
}

async function written(text: string): Promise<string> {
  const path = join(directory, "sinks.yaml");
  await writeFile(path, text);
  return path;
}

describe("the file", () => {
  test("has defaults for everything but where to write", () => {
    const file = parseSinkFile("sinks: { a: { to: { ndjson: { directory: /x } } } }", "f.yaml");
    expect(file.sinks.get("a")).toEqual({
      log: "audit",
      from: "first",
      lanes: 1,
      laneKey: "actor",
      deadLetters: {},
      to: { ndjson: { directory: "/x" } },
    });
  });

  test("takes sizes with units, and each key", () => {
    const text = `
url: [http://a:1, http://b:1]
listen: 127.0.0.1:0
sinks:
  a:
    log: orders
    group: shared
    from: 2026-01-31T00:00:00Z
    lanes: 4
    laneKey: tenant
    chunkSize: 50
    chunkBytes: 64KiB
    readBytes: 2MiB
    deadLetters: { log: letters, max: 5, part: 0.5 }
    to: { postgres: { url: "postgres://u@h/d", schema: mine } }
`;
    const { urls, listen, sinks } = parseSinkFile(text, "f.yaml");
    expect([urls, listen]).toEqual([["http://a:1", "http://b:1"], "127.0.0.1:0"]);
    expect(sinks.get("a")).toMatchObject({
      chunkBytes: 65_536,
      readBytes: 2_097_152,
      deadLetters: { log: "letters", max: 5, part: 0.5 },
    });
  });

  test("is refused with every problem, its line and column, and the nearest key", () => {
    const text = `sinks:
  a:
    chunkSiz: 5
    lanes: 0
    to: { ndjson: { directory: /x, rotateByte: 1MiB } }
  b:
    chunkBytes: 5
    to: { ndjson: { directory: /y } }
`;
    const error = ((): unknown => {
      try {
        return parseSinkFile(text, "f.yaml");
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(CliError);
    expect(error).toMatchObject({ code: "ERR_SINK_FILE_INVALID", exitCode: 78 });
    const lines = String(error).split("\n").slice(1);
    expect(lines).toEqual([
      'f.yaml:3:5: unknown key "chunkSiz", did you mean "chunkSize"?',
      "f.yaml:4:12: sinks.a.lanes: at least 1",
      'f.yaml:5:36: unknown key "rotateByte", did you mean "rotateBytes"?',
      "f.yaml:7:17: sinks.b.chunkBytes: expected a size such as 1MiB",
    ]);
  });

  test("names exactly one place", async () => {
    const path = await written("sinks: { a: { to: {} } }\n");
    const out = await annals("run", path);
    expect(out.code).toBe(78);
    expect(out.stderr).toMatch(
      /sinks\.a\.to: expected exactly one of ndjson, webhook, postgres, graph/,
    );
  });
});

test("a webhook without its secret does not start", async () => {
  const path = await written(
    'sinks: { a: { to: { webhook: { url: "http://h/", secretEnv: NONE } } } }\n',
  );
  const out = await annals("run", path);
  expect(out.code).toBe(1);
  expect(out.stderr).toMatch(/the environment has no NONE \(ERR_SINK_SECRET\)/);
});

test("a mapping that is no YAML is refused with its place", async () => {
  await writeFile(join(directory, "mapping.yaml"), "nodes: [{ label: A }\n");
  const path = await written(
    "sinks: { a: { to: { graph: { url: 'grafeo:graph', mapping: mapping.yaml } } } }\n",
  );
  const out = await annals("test", path);
  expect(out.code).toBe(78);
  expect(out.stderr).toMatch(/\(ERR_SINK_FILE_INVALID\)\n.*mapping\.yaml:2:1: /);
});

test("test says where each sink is, plan what it would write", async () => {
  const path = await written("sinks: { a: { to: { ndjson: { directory: files } } } }\n");
  expect((await annals("test", path)).stdout).toBe("a: ok, it has nothing yet\n");
  await cli(["append", "--actor", "ada", "--action", "login"], {
    env: { ANNALS_URL: server.url },
  });
  const { stdout } = await annals("plan", path, "a", "--seq", "1");
  expect(JSON.parse(stdout)).toMatchObject({
    seq: 1,
    mutations: [expect.stringContaining('"action":"login"')],
  });
  expect((await annals("plan", path, "b", "--seq", "1")).code).toBe(2);
});

test("a runner that is not there is said to be so", async () => {
  const out = await annals("list", "--runner", "127.0.0.1:1");
  expect(out.code).toBe(3);
  expect(out.stderr).toMatch(/ERR_RUNNER_UNREACHABLE/);
  expect((await annals("list", "--runner", "nonsense")).code).toBe(2);
});

test("dead letters are listed and skipped with a reason, which is on record", async () => {
  const env = { ANNALS_URL: server.url };
  const data = { sink: "a", log: "orders", seq: 7, message: "no NUL", attempts: 3 };
  const letter = JSON.stringify({ actor: { id: "a" }, action: "sink.deadLetter", data });
  await cli(["append", "-"], { env, stdin: `${letter}\n` });
  const args = ["--letters", "audit"] as const;
  expect((await annals("letters", "list", ...args)).stdout).toMatch(/a +7 +open +3 +no NUL\n/);
  const skipped = await annals("letters", "skip", "a", "7", "--reason", "a test", ...args);
  expect(skipped).toMatchObject({ code: 0, stdout: "skipped a orders:7\n" });
  expect((await annals("letters", "list", ...args)).stdout).toMatch(/a +7 +skipped +3 +a test\n/);
  const again = await annals("letters", "skip", "a", "7", "--reason", "x", ...args);
  expect(again.stderr).toMatch(/ERR_NO_LETTER/);
});

test("open dead letters are tried again in the order of their records, up to one that is refused", async () => {
  const asked: string[] = [];
  const runner = createServer((request, response) => {
    asked.push(request.url ?? "");
    const isRefused = request.url?.endsWith("=8") === true;
    response.writeHead(isRefused ? 409 : 200, { "content-type": "application/json" });
    response.end(isRefused ? '{"detail":"still no NUL"}' : '{"items":[]}');
  });
  await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", resolve));
  const env = { ANNALS_URL: server.url };
  const letters = [9, 5, 8].map((seq) => {
    const data = { sink: "a", log: "orders", seq, message: "no NUL", attempts: 3 };
    return `${JSON.stringify({ actor: { id: "a" }, action: "sink.deadLetter", data })}\n`;
  });
  await cli(["append", "-"], { env, stdin: letters.join("") });
  const { port } = runner.address() as AddressInfo;
  const args = ["--letters", "audit", "--runner", `127.0.0.1:${port}`];
  const out = await annals("letters", "retry", "a", ...args);
  expect(out).toMatchObject({ code: 1, stdout: "wrote orders:5\n" });
  expect(out.stderr).toContain("still no NUL");
  expect(asked).toEqual(["/sinks/a/retry?seq=5", "/sinks/a/retry?seq=8"]);
  const { stdout } = await annals("letters", "list", "--letters", "audit");
  expect(stdout).toMatch(/a +9 +open[^]*a +5 +retried[^]*a +8 +open/);
  runner.close();
});
