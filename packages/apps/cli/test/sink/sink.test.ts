// Goal: `annals sink` reads its file strictly, asks runners, and settles dead letters. Method: files of sinks, right and wrong, and the real HTTP
// API over a node in memory.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { AnnalsClient } from "@annals/client";
import { NdjsonFile } from "@annals/sinks";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { CliError } from "../../src/program/cliError.ts";
import { sinkLane, sinkRunners } from "../../src/sink/assemble.ts";
import { sinkMaker } from "../../src/sink/makeSink.ts";
import { parseSinkFile } from "../../src/sink/sinkFile.ts";
import { cli } from "../harness.ts";
import type { Outcome } from "../harness.ts";

let directory: string;
let server: TestServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-sink-"));
  server = await startTestServer();
  server.service.groupAnswer = ({ op }) => (op === "list" ? [] : undefined);
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

describe("test", () => {
  test("says of each sink what is wrong, in one line with its target and a code, and goes on with the others", async () => {
    await writeFile(join(directory, "file"), "");
    const path = await written(`sinks:
  nowhere: { log: nosuch, to: { ndjson: { directory: one } } }
  unmade: { to: { ndjson: { directory: /proc/nope } } }
  blocked: { to: { ndjson: { directory: file/below } } }
  away: { to: { webhook: { url: "http://127.0.0.1:7799/x?token=t0p", secretEnv: PATH } } }
  closed: { to: { postgres: { url: "postgres://u:s3cret@127.0.0.1:7799/d" } } }
  good: { to: { ndjson: { directory: two } } }
`);
    const out = await cli(["sink", "test", path], {
      env: { ANNALS_URL: server.url, PATH: "x" },
      cwd: directory,
    });
    expect(out.code).toBe(1);
    expect(out.stderr).toBe("");
    const lines = out.stdout.trimEnd().split("\n");
    expect(lines).toEqual([
      "nowhere: FAILED: the cluster has no log nosuch (ERR_LOG_NOT_FOUND)",
      expect.stringMatching(/^unmade: FAILED: sink unmade \(ndjson \/proc\/nope\) refuses.*ENOENT/),
      expect.stringMatching(/^blocked: FAILED: .*file.*ENOTDIR/),
      expect.stringMatching(
        /^away: FAILED: sink away \(webhook http:\/\/127\.0\.0\.1:7799\) does not answer.*: fetch failed: .*ECONNREFUSED/,
      ),
      expect.stringMatching(/^closed: FAILED: .*127\.0\.0\.1:7799.*ECONNREFUSED/),
      "good: ok, it has nothing yet",
    ]);
    expect(out.stdout).not.toMatch(/s3cret|t0p/);
  });

  test("names the process that has a directory, instead of a stack", async () => {
    const sink = new NdjsonFile({ directory: join(directory, "files") });
    await sink.open();
    const path = await written("sinks: { a: { to: { ndjson: { directory: files } } } }\n");
    const out = await annals("test", path);
    expect(out).toMatchObject({ code: 1, stderr: "" });
    expect(out.stdout).toMatch(
      /^a: FAILED: another process has .*files open.*\(ERR_SINK_IN_USE\)\n$/,
    );
    await sink.close();
  });

  test("refuses a group that feeds something else, by both names", async () => {
    server.service.groupAnswer = ({ op }) =>
      op === "list"
        ? [{ name: "shared", settings: "sink warehouse, postgres, 12ab", lag: 0, lanes: [{}] }]
        : undefined;
    const path = await written(
      "sinks: { a: { group: shared, to: { ndjson: { directory: files } } } }\n",
    );
    const out = await annals("test", path);
    expect(out.code).toBe(1);
    expect(out.stdout).toMatch(
      /^a: FAILED: group shared of log audit feeds sink warehouse, postgres, 12ab, and this is sink a, ndjson, .*ERR_SINK_GROUP/,
    );
  });

  test("refuses a group through which a runner that lives feeds another place; its own runner is no fault", async () => {
    const sink = new NdjsonFile({ directory: join(directory, "files") });
    await sink.open();
    const path = await written("sinks: { a: { to: { ndjson: { directory: files } } } }\n");
    const { settings } = sink;
    const group = {
      name: "sink.a",
      settings: `sink a, ndjson, ${settings.slice(0, 12)}`,
      feeds: "ndjson /elsewhere",
      lag: 0,
      lanes: [{ condition: "current", member: "host:7:x" }],
    };
    server.service.groupAnswer = () => [group];
    const other = await annals("test", path);
    expect(other.code).toBe(1);
    expect(other.stdout).toMatch(
      /^a: FAILED: group sink\.a of log audit feeds ndjson \/elsewhere, through host:7:x, and this is ndjson .*files.*ERR_SINK_GROUP/,
    );
    server.service.groupAnswer = () => [{ ...group, feeds: sink.target }];
    const own = await annals("test", path);
    expect(own).toMatchObject({ code: 0, stdout: "a: ok, its runner host:7:x has it open\n" });
    await sink.close();
    // Whose runner is gone may have moved.
    server.service.groupAnswer = () => [{ ...group, lanes: [{ condition: "silent" }] }];
    expect((await annals("test", path)).stdout).toBe("a: ok, it has nothing yet\n");
  });

  test("asks a receiver with a request that has no records, and takes its word", async () => {
    const bodies: string[] = [];
    let status = 204;
    const receiver = createServer((request, response) => {
      void text(request).then((body) => {
        bodies.push(body);
        response.writeHead(status, status === 302 ? { location: "http://h/new" } : {}).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const { port } = receiver.address() as AddressInfo;
    const path = await written(
      `sinks: { a: { to: { webhook: { url: "http://127.0.0.1:${port}/in", secretEnv: S } } } }\n`,
    );
    const ask = (): Promise<Outcome> =>
      cli(["sink", "test", path], { env: { ANNALS_URL: server.url, S: "s" } });
    expect((await ask()).stdout).toBe("a: ok, it has nothing yet\n");
    expect(bodies).toEqual(['{"records":[]}']);
    status = 302;
    const moved = await ask();
    expect(moved.code).toBe(1);
    expect(moved.stdout).toMatch(
      /webhook http:\/\/127\.0\.0\.1:\d+\) refuses, .* answered 302, a redirect to http:\/\/h\/new/,
    );
    receiver.close();
  });
});

test("the lanes of a sink say that they feed one place, and are one consumer", async () => {
  const { sinks } = parseSinkFile(
    "sinks: { a: { lanes: 2, to: { ndjson: { directory: files } } } }",
    "f.yaml",
  );
  const spec = sinks.get("a");
  if (spec === undefined) throw new Error("no sink");
  const client = new AnnalsClient({ urls: [server.url] });
  const note = (): void => undefined;
  const site = { client, cluster: "c", cwd: directory, env: {}, note };
  const make = await sinkMaker(site, "a", spec);
  server.service.groupAnswer = () => ({ lane: 0, lanes: 2, token: 1, position: 0, leaseMs: 1000 });
  for (const lane of [0, 1])
    await sinkLane(site, "a", spec, make, lane).lane.acquire(new AbortController().signal);
  const acquired = server.service.groupRequests.flatMap((one) =>
    one.op === "acquire" ? [`${one.settings}; ${one.feeds}`] : [],
  );
  expect(new Set(acquired)).toEqual(
    new Set([expect.stringMatching(/^sink a, ndjson, \w+; ndjson .*\/files$/)]),
  );
  expect(acquired[0]).toBe(acquired[1]);
  client.close();
});

test("a place that has lost everything is filled again from where its sink began, not from where it was", async () => {
  for (let seq = 1; seq <= 6; seq++)
    await cli(["append", "--actor", "ada", "--action", `a${seq}`], {
      env: { ANNALS_URL: server.url },
    });
  const { sinks } = parseSinkFile(
    "sinks: { a: { from: end, to: { ndjson: { directory: files } } } }",
    "f.yaml",
  );
  const spec = sinks.get("a");
  if (spec === undefined) throw new Error("no sink");
  server.service.groupAnswer = ({ op }) =>
    op === "acquire"
      ? { lane: 0, lanes: 1, token: 1, position: 5, begin: 2, leaseMs: 60_000 }
      : { position: 6 };
  const client = new AnnalsClient({ urls: [server.url] });
  const note = (): void => undefined;
  const site = { client, cluster: "c", cwd: directory, env: {}, note };
  const [runner] = await sinkRunners(site, "a", spec);
  const abort = new AbortController();
  const run = runner?.run(abort.signal);
  await vi.waitUntil(() => runner?.status.position?.seq === 6, { timeout: 10_000 });
  abort.abort();
  await run;
  const names = (await readdir(join(directory, "files"))).filter((one) => one.endsWith(".ndjson"));
  const texts = await Promise.all(
    names.map((name) => readFile(join(directory, "files", name), "utf8")),
  );
  expect(texts.join("").match(/"action":"a\d"/g)).toEqual(
    [3, 4, 5, 6].map((seq) => `"action":"a${seq}"`),
  );
  client.close();
});

test("two sinks of a file with one group, or one directory, are refused with both names", async () => {
  const path = await written(`sinks:
  a: { group: shared, to: { ndjson: { directory: files } } }
  b: { group: shared, to: { ndjson: { directory: files } } }
  c: { log: letters, deadLetters: { log: letters }, to: { ndjson: { directory: more } } }
`);
  const out = await annals("run", path);
  expect(out.code).toBe(78);
  expect(out.stderr).toMatch(
    /:3:\d+: sinks\.b\.group: group shared of log audit is that of sink a/,
  );
  expect(out.stderr).toMatch(/:3:\d+: sinks\.b\.to: the directory files is that of sink a/);
  expect(out.stderr).toMatch(/:4:\d+: sinks\.c\.deadLetters\.log: the log that the sink follows/);
});

describe("compare", () => {
  const env = (): Record<string, string> => ({ ANNALS_URL: server.url });

  async function filled(): Promise<string> {
    const records = Array.from({ length: 30 }, (_, k) =>
      JSON.stringify({ actor: { id: `u${k}` }, action: "login", data: { n: k / 3 } }),
    );
    await cli(["append", "-"], { env: env(), stdin: `${records.join("\n")}\n` });
    const client = new AnnalsClient({ urls: [server.url] });
    const { items } = await client.read("audit", { limit: 100 });
    const sink = new NdjsonFile({ directory: join(directory, "files") });
    await sink.open();
    const of = { part: 0, epoch: 1, settings: sink.settings, recordHash: "h", scope: "s" };
    const start = { seq: 0, anchor: 0, ...of };
    await sink.apply({ expected: undefined, next: start, mutations: [], records: 0, bytes: 0 });
    const mutations = items.flatMap((record) => sink.plan(record));
    const next = { seq: 30, anchor: 30, ...of };
    await sink.apply({ expected: start, next, mutations, records: 30, bytes: 0 });
    await sink.close();
    client.close();
    server.service.groupAnswer = () => [
      { name: "sink.a", settings: "", lag: 0, lanes: [{ position: 30, lag: 0 }] },
    ];
    return written(`url: ${server.url}\nsinks: { a: { to: { ndjson: { directory: files } } } }\n`);
  }

  test("of what is as the log has it says so, with counts and hashes that are the same", async () => {
    const path = await filled();
    // The file says where the cluster is.
    const out = await cli(["sink", "compare", "a", "--file", path, "-o", "json"], {
      cwd: directory,
    });
    expect(out).toMatchObject({ code: 0, stderr: "" });
    const { log, sink, differences, from, to } = JSON.parse(out.stdout);
    expect({ differences, from, to, count: log.count }).toEqual({
      differences: 0,
      from: 1,
      to: 30,
      count: 30,
    });
    expect(sink).toEqual(log);
  });

  test("names what is missing, changed, doubled and not of the log, and ends with 1", async () => {
    const path = await filled();
    const file = join(directory, "files", "0000000000000001.ndjson");
    const lines = (await readFile(file, "utf8")).split("\n");
    // The first line is a cursor.
    lines[5] = (lines[5] ?? "").replace("login", "forged");
    lines.splice(10, 1);
    lines.splice(20, 0, lines[3] ?? "");
    await writeFile(file, lines.join("\n"));
    const out = await annals("compare", "a", "--file", path, "-o", "json");
    expect(out.code).toBe(1);
    expect(JSON.parse(out.stdout)).toMatchObject({
      differences: 3,
      first: [
        { seq: 3, kind: "repeated" },
        { seq: 5, kind: "different" },
        { seq: 10, kind: "missing" },
      ],
    });
    const table = await annals("compare", "a", "--file", path, "--from", "6");
    expect(table.stdout).toMatch(/records 6 to 30: [12] differences\n/);
    expect(table.stdout).toMatch(/10 +missing/);
  });

  test("begins where the sink began", async () => {
    const path = await filled();
    const file = join(directory, "files", "0000000000000001.ndjson");
    const lines = (await readFile(file, "utf8")).split("\n");
    // The records up to 10 were before its time.
    lines.splice(1, 10);
    await writeFile(file, lines.join("\n"));
    const lanes = [{ position: 30, lag: 0 }];
    server.service.groupAnswer = () => [{ name: "sink.a", settings: "", begin: 10, lag: 0, lanes }];
    const out = await annals("compare", "a", "--file", path);
    expect(out).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/records 11 to 30: the same/),
    });
  });

  test("of a webhook says that there is nothing to compare", async () => {
    const path = await written(
      'sinks: { a: { to: { webhook: { url: "http://h/", secretEnv: S } } } }\n',
    );
    server.service.groupAnswer = () => [{ name: "sink.a", lanes: [{ position: 3 }] }];
    const out = await cli(["sink", "compare", "a", "--file", path], { env: { ...env(), S: "s" } });
    expect(out.code).toBe(1);
    expect(out.stderr).toMatch(/sink a \(webhook http:\/\/h\) keeps nothing.*ERR_SINK_NO_COMPARE/);
  });
});

test("letters are looked for in the log that the runner of the sink names", async () => {
  const runner = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"items":[{"name":"a","log":"orders","letters":"audit"}]}');
  });
  await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", resolve));
  const { port } = runner.address() as AddressInfo;
  const data = { sink: "a", log: "orders", seq: 7, message: "no NUL", attempts: 3 };
  const letter = JSON.stringify({ actor: { id: "a" }, action: "sink.deadLetter", data });
  const env = { ANNALS_URL: server.url };
  await cli(["append", "-"], { env, stdin: `${letter}\n` });
  const at = ["--runner", `127.0.0.1:${port}`];
  expect((await annals("letters", "list", ...at)).stdout).toMatch(/a +7 +open/);
  const out = await annals("letters", "retry", "a", ...at);
  expect(out).toMatchObject({ code: 0, stdout: "wrote orders:7\n" });
  const again = await annals("letters", "retry", "a", ...at);
  expect(again).toMatchObject({
    code: 0,
    stdout: "",
    stderr: "audit has no open dead letter of sink a\n",
  });
  const none = await annals("letters", "retry", "a", "7", ...at);
  expect(none.stderr).toMatch(/audit has no open dead letter of record 7 .*ERR_NO_LETTER/);
  runner.close();
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
