// Goal: `annals source` reads its file strictly, takes secrets from files and variables alone, and shows what a runner says. Method: files, right
// and wrong, and a runner's endpoint over a source that does nothing; how it fares with a broker is shown by
// integration-tests/kafkaSource.test.ts.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClientError } from "@annals/client";
import { serveSources } from "@annals/sources";
import type { SourceStatus } from "@annals/sources";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { exitCodeOf } from "../../src/program/cliError.ts";
import { readSecurity } from "../../src/source/security.ts";
import { cli, CliRun } from "../harness.ts";
import type { Outcome } from "../harness.ts";

let directory: string;
let server: TestServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-source-"));
  server = await startTestServer();
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const RECORD = "    record: { actor: { id: a }, action: did }\n";

/** A file of one source that reads from Kafka, with the lines in what says so. */
function kafkaFile(lines: string): string {
  const inner = lines.replaceAll(/^/gm, "        ");
  return `sources:\n  orders:\n    from:\n      kafka:\n        topics: [t]\n${inner}\n${RECORD}`;
}

async function run(text: string, verb = "run"): Promise<Outcome> {
  const path = join(directory, "sources.yaml");
  await writeFile(path, text);
  return cli(["source", verb, path, "--url", server.url], { cwd: directory });
}

test.each([
  ["sasl: { mechanism: plain, user: u, password: p }", /password/],
  ["sasl: { mechanism: scram-sha-512, user: u }", /expected passwordEnv or passwordFile/],
  [
    "sasl: { mechanism: scram-sha-512, user: u, passwordEnv: P, passwordFile: f }",
    /expected passwordEnv or passwordFile/,
  ],
  ["sasl: { mechanism: gssapi, user: u, passwordEnv: P }", /mechanism/],
  ["sasl: { mechanism: plain, user: u, passwordEnv: P }", /plain sends the password/],
  ["tls: { cert: c.pem }", /both cert and key/],
  ["tls: false", /tls/],
  ["sessionTimeout: 5s", /sessionTimeout: expected 6s or more/],
  ["sessionTimeout: soon", /sessionTimeout: expected 6s or more/],
])("%s is refused, with its place", async (line, why) => {
  const { code, stderr } = await run(kafkaFile(`brokers: ["kafka.example:9093"]\n${line}`));
  expect([code, stderr]).toEqual([78, expect.stringMatching(why)]);
  expect(stderr).toMatch(/sources\.yaml:7:\d+/);
});

test.each([
  ["sasl: { mechanism: scram-sha-256, user: u, passwordEnv: P }", "ERR_SOURCE_SECRET"],
  ["tls: true\nsasl: { mechanism: plain, user: u, passwordFile: none }", "ERR_FILE_UNREADABLE"],
  ["tls: { ca: none.pem }", "ERR_FILE_UNREADABLE"],
])("%s names what is not there", async (line, error) => {
  const { code, stderr } = await run(kafkaFile(`brokers: ["kafka.example:9093"]\n${line}`));
  expect(code).not.toBe(0);
  expect(stderr).toContain(error);
});

test("what the file names is read: relative to where the command runs, without the newline at its end", async () => {
  await writeFile(join(directory, "ca.pem"), "authority");
  await writeFile(join(directory, "secret"), "horse\n");
  const brokers = ["kafka.example:9093"];
  const place = { cwd: directory, env: { P: "staple" } };
  const user = { mechanism: "scram-sha-512", user: "u" } as const;
  const byFile = { brokers, tls: { ca: "ca.pem" }, sasl: { ...user, passwordFile: "secret" } };
  expect(await readSecurity(byFile, place)).toEqual({
    tls: { ca: "authority", cert: undefined, key: undefined },
    sasl: { ...user, password: "horse" },
  });
  const byVariable = { brokers, tls: true, sasl: { ...user, passwordEnv: "P" } } as const;
  expect(await readSecurity(byVariable, place)).toEqual({
    tls: {},
    sasl: { ...user, password: "staple" },
  });
});

test("a key that nobody knows is refused with the one that was meant, and a group has one source", async () => {
  const unknown = await run(kafkaFile('broker: ["kafka.example:9093"]'));
  expect(unknown.code).toBe(78);
  expect(unknown.stderr).toContain('unknown key "broker", did you mean "brokers"?');
  const from = '{ kafka: { brokers: ["k:9092"], topics: [t], group: g } }';
  const two = `sources:\n  a:\n    from: ${from}\n${RECORD}  b:\n    from: ${from}\n${RECORD}`;
  const shared = await run(two, "test");
  expect([shared.code, shared.stderr]).toEqual([78, expect.stringContaining("group g is that of")]);
});

test.each([
  ["{ url: 'http://db/x', table: t, column: id }", /expected postgres:/],
  ["{ url: 'postgres://u@db/x', table: a.b.c, column: id }", /expected a table, or schema.table/],
  ["{ url: 'postgres://u@db/x', table: t }", /from\.postgres\.column/],
  ["{ url: 'postgres://u@db/x', table: t, column: id, poll: 1ms }", /expected 10ms to 1h/],
  ["{ url: 'postgres://u@db/x', table: t, column: id, xact: x }", /unknown key "xact"/],
])("a table: %s is refused", async (written, why) => {
  const from = `sources:\n  rows:\n    from: { postgres: ${written} }\n`;
  const { code, stderr } = await run(`${from}${RECORD}`);
  expect([code, stderr]).toEqual([78, expect.stringMatching(why)]);
});

test("rows do not change, and a source reads from one place", async () => {
  const table = "{ url: 'postgres://u@db/x', table: t, column: id }";
  const diff = RECORD.replace("did }", "did, diff: true }");
  const changed = await run(`sources:\n  rows:\n    from: { postgres: ${table} }\n${diff}`);
  expect(changed.stderr).toContain("each row of a table comes once");
  const none = await run(`sources:\n  rows:\n    from: {}\n${RECORD}`);
  expect(none.stderr).toContain("expected exactly one of kafka, postgres");
});

test("a source that nobody has, and a log that nobody has", async () => {
  const file = kafkaFile('brokers: ["127.0.0.1:1"]');
  const path = join(directory, "sources.yaml");
  await writeFile(path, file);
  const none = await cli(["source", "run", path, "--only", "bills"], { cwd: directory });
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("it has orders")]);
  const elsewhere = file.replace("    from", "    log: nowhere\n    from");
  const { code, stdout } = await run(elsewhere, "test");
  expect([code, stdout]).toEqual([1, expect.stringMatching(/^orders: FAILED: .*nowhere/)]);
});

test("brokers that are away have a code and no stack: `test` says so, and `run` tries again until it is ended", {
  timeout: 60_000,
}, async () => {
  const file = kafkaFile('brokers: ["127.0.0.1:1"]');
  const { code, stdout, stderr } = await run(file, "test");
  expect([code, stderr]).toEqual([1, ""]);
  expect(stdout).toMatch(/^orders: FAILED: .*127\.0\.0\.1:1.*\(ERR_SOURCE_UNREACHABLE\)\n$/);
  const path = join(directory, "sources.yaml");
  const argv = ["source", "run", path, "--url", server.url, "--listen", "127.0.0.1:0"];
  const running = new CliRun(argv, { cwd: directory });
  await vi.waitUntil(() => running.stderr.includes("tried again within"), { timeout: 30_000 });
  running.interrupt();
  expect((await running.outcome).code).toBe(0);
  expect(running.stderr).not.toMatch(/^ +at /m);
});

test.each([
  ["ERR_SOURCE_GROUP", 1],
  ["ERR_SOURCE_UNREACHABLE", 3],
  ["ERR_SOURCE_REFUSED", 5],
  ["ERR_SOURCE_TOPIC", 6],
  ["ERR_SOURCE_SESSION", 78],
  ["ERR_SOURCE_TABLE", 78],
] as const)("the command ends with its own code for %s", (code, exit) => {
  expect(exitCodeOf(new ClientError(code, "it is so"))).toBe(exit);
});

test("what a runner's sources are up to is listed", async () => {
  const status: SourceStatus = {
    name: "orders",
    log: "audit",
    target: "kafka k:9092, topics t, group g",
    state: "running",
    records: 12_345,
    deadLetters: { mapping: 1, refused: 2 },
    takeovers: 1,
    rebalances: 1,
    retries: 0,
    lag: 7,
    parts: [{ part: "t/0", position: "5", lag: 7 }],
    partsNotShown: 0,
    lastError: null,
  };
  const idle = { name: "orders", status, run: async () => {}, test: async () => "" };
  const runner = await serveSources({ host: "127.0.0.1", port: 0, sources: [idle] });
  try {
    const at = ["--runner", `127.0.0.1:${runner.port}`];
    const { stdout } = await cli(["source", "list", ...at]);
    expect(stdout).toMatch(/^orders +running +7 +12.345 +3 +1/m);
    const json = await cli(["source", "list", "-o", "json", ...at]);
    expect(JSON.parse(json.stdout)).toMatchObject({ items: [status] });
    const shown = await cli(["source", "show", "orders", ...at]);
    expect(JSON.parse(shown.stdout)).toEqual({ items: [status] });
    expect((await cli(["source", "show", "none", ...at])).code).toBe(6);
  } finally {
    await runner.close();
  }
  const away = await cli(["source", "list", "--runner", "127.0.0.1:1"]);
  expect([away.code, away.stderr]).toEqual([3, expect.stringContaining("ERR_RUNNER_UNREACHABLE")]);
});
