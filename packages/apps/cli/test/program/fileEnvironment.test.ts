// Goal: each key of a file of sinks or sources may be set by one variable, and a variable that sets nothing is refused. Method: files with
// variables beside them.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { CliError } from "../../src/program/cliError.ts";
import { parseSinkFile } from "../../src/sink/sinkFile.ts";
import type { SinkFile } from "../../src/sink/sinkFile.ts";
import { readSourceFile } from "../../src/source/sourceFile.ts";
import { cli } from "../harness.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "annals-environment-"));
});
afterEach(() => rm(directory, { recursive: true }));

const HOOK = `
sinks:
  hook: { chunkSize: 10, to: { webhook: { url: "https://a.example/x", secretEnv: ANNALS_SINKS_SECRET } } }
`;

function sinks(env: Readonly<Record<string, string>>, text = HOOK): SinkFile {
  return parseSinkFile(text, "sinks.yaml", env);
}

/** What it is refused with. */
function refusal(env: Readonly<Record<string, string>>, text = HOOK): string {
  try {
    sinks(env, text);
  } catch (error) {
    if (error instanceof CliError && error.code === "ERR_SINK_FILE_INVALID") return error.message;
    throw error;
  }
  return "";
}

test("a variable beats the file, whatever kind of value the key has", () => {
  const file = sinks({
    ANNALS_SINKS_LISTEN: "127.0.0.1:1",
    ANNALS_SINKS_URL: "[http://a:1, http://b:1]",
    ANNALS_SINKS_HOOK_CHUNK_SIZE: "50",
    ANNALS_SINKS_HOOK_CHUNK_BYTES: "2MiB",
    ANNALS_SINKS_HOOK_FROM: "end",
    ANNALS_SINKS_HOOK_DEAD_LETTERS_MAX: "0",
    ANNALS_SINKS_HOOK_TO_WEBHOOK_URL: "https://b.example/x",
    // An empty one is as good as none, as in the configuration of a node.
    ANNALS_SINKS_HOOK_LOG: "",
  });
  expect(file).toMatchObject({ listen: "127.0.0.1:1", urls: ["http://a:1", "http://b:1"] });
  expect(file.sinks.get("hook")).toMatchObject({
    log: "audit",
    chunkSize: 50,
    chunkBytes: 2 << 20,
    from: "end",
    deadLetters: { max: 0 },
    to: { webhook: { url: "https://b.example/x" } },
  });
});

test("a value that the key cannot have is refused with the variable that it came from", () => {
  const text = refusal({ ANNALS_SINKS_HOOK_CHUNK_SIZE: "0" });
  expect(text).toContain("sinks.hook.chunkSize: at least 1 (set by ANNALS_SINKS_HOOK_CHUNK_SIZE)");
  expect(refusal({ ANNALS_SINKS_HOOK_CHUNK_SIZE: "[" })).toContain("is no YAML");
});

test.each([
  ["ANNALS_SINK_HOOK_CHUNK_SIZE", "did you mean ANNALS_SINKS_HOOK_CHUNK_SIZE?"],
  ["ANNALS_SINKS_HOOK_CHUNKSIZE", "did you mean ANNALS_SINKS_HOOK_CHUNK_SIZE?"],
  ["ANNALS_SINKS_HOOC_CHUNK_SIZE", "did you mean ANNALS_SINKS_HOOK_CHUNK_SIZE?"],
  ["ANNALS_SINK_CHUNK_SIZE", "unknown variable ANNALS_SINK_CHUNK_SIZE"],
  ["ANNALS_SINKS_OTHER_GROUP", "unknown variable ANNALS_SINKS_OTHER_GROUP"],
])("%s is refused", (name, says) => {
  expect(refusal({ [name]: "5" })).toContain(says);
});

test("what somebody else sets, and what the file itself names, is no key", () => {
  expect(
    refusal({
      ANNALS_SINKS_SECRET: "s",
      ANNALS_SINKS_SERVICE_HOST: "10.0.0.1",
      ANNALS_SINKS_SERVICE_PORT_HTTP: "80",
      ANNALS_SINKS_PORT: "tcp://10.0.0.1:80",
      ANNALS_SINKS_PORT_80_TCP_ADDR: "10.0.0.1",
      ANNALS_SOURCES_ORDERS_LOG: "audit",
      ANNALS_URL: "http://a:1",
    }),
  ).toBe("");
  const text = "sinks: { a: { to: { ndjson: { directory: '${ANNALS_SINKS_HOME}' } } } }";
  expect(refusal({ ANNALS_SINKS_HOME: "/x" }, text)).toBe("");
});

test("a variable that could be two keys is refused, and both are named; one that nobody sets harms nobody", () => {
  const to = "{ to: { ndjson: { directory: /x } } }";
  const other = "{ to: { ndjson: { directory: /y } } }";
  const text = `sinks: { a-b: ${to}, a.b: ${other} }`;
  expect(refusal({}, text)).toBe("");
  const said = refusal({ ANNALS_SINKS_A_B_CHUNK_SIZE: "5" }, text);
  expect(said).toContain("could be sinks.a-b.chunkSize and sinks.a.b.chunkSize");
});

test("sources: also within what may be a word or a section, and lists with commas", async () => {
  const path = join(directory, "sources.yaml");
  const kafka = "{ brokers: [a:1], topics: [t] }";
  await writeFile(
    path,
    `sources: { orders: { from: { kafka: ${kafka} }, record: { actor: { id: a }, action: did } } }`,
  );
  const { sources } = await readSourceFile(path, {
    cwd: "/",
    env: {
      ANNALS_SOURCES_ORDERS_FROM_KAFKA_BROKERS: "b:1, c:2",
      ANNALS_SOURCES_ORDERS_FROM_KAFKA_TLS_CA: "ca.pem",
      ANNALS_SOURCES_ORDERS_FROM_KAFKA_SESSION_TIMEOUT: "10s",
      ANNALS_SOURCES_ORDERS_RECORD_DIFF: "true",
      ANNALS_SOURCES_ORDERS_RECORD_ACTION: "made",
      ANNALS_SOURCES_ORDERS_RECORD_TARGETS: "[{ id: '{key}' }]",
    },
  });
  expect(sources.get("orders")).toMatchObject({
    from: { kafka: { brokers: ["b:1", "c:2"], tls: { ca: "ca.pem" }, sessionTimeout: 10_000 } },
    record: { diff: true, action: "made", targets: [{ id: "{key}" }] },
  });
});

test("the help of what reads such a file says so", async () => {
  for (const noun of ["sink", "source"]) {
    const { stdout } = await cli([noun, "run", "--help"]);
    expect(stdout).toContain(`ANNALS_${noun.toUpperCase()}S_LISTEN is listen`);
  }
});
