// Goal: every key reaches the resolved configuration from every source, and every mistake is named with its place, all at once.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SAMPLES, mustLoad, problemsOf } from "@annals/kit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { envName } from "../src/envName.ts";
import { KEYS, parseValue } from "../src/keys/keys.ts";
import { loadConfig } from "../src/load.ts";
import { formatProblems } from "../src/problem.ts";
import { configValue, fingerprint } from "../src/show.ts";

const BASE = "data: /tmp/annals\n";

/** The YAML file that sets one key. */
function yamlFor(path: string, value: string): string {
  const lines = path.split(".").map((part, depth) => `${"  ".repeat(depth)}${part}:`);
  const text = `${lines.join("\n")} ${value}\n`;
  return path === "data" ? text : BASE + text;
}

test("a key that follows another one has its value unless it is set", () => {
  const lowered = mustLoad({ text: `${BASE}ingest: { maxBodyBytes: 3MiB }\n` });
  expect(lowered.ingest.maxDecodedBytes).toBe(3 << 20);
  const both = mustLoad({ text: `${BASE}ingest: { maxBodyBytes: 3MiB, maxDecodedBytes: 4MiB }\n` });
  expect(both.ingest.maxDecodedBytes).toBe(4 << 20);
});

describe("every key", () => {
  test("has a sample here that is not its default", () => {
    expect(Object.keys(SAMPLES).toSorted()).toEqual(KEYS.map((spec) => spec.path).toSorted());
    const standard = mustLoad({ text: BASE });
    for (const [path, [, , resolved]] of Object.entries(SAMPLES)) {
      if (path === "workers.count") continue;
      expect([path, configValue(standard, path)]).not.toEqual([path, resolved]);
    }
  });

  test.each(Object.entries(SAMPLES))("%s from YAML", (path, [yaml, , resolved]) => {
    const config = mustLoad({ text: yamlFor(path, yaml), anyNode: true });
    expect(configValue(config, path)).toEqual(resolved);
  });

  test.each(Object.entries(SAMPLES))("%s from the environment, over the file", (path, sample) => {
    const [, env, resolved] = sample;
    const text = path === "data" ? "data: /other" : BASE;
    const config = mustLoad({ text, env: { [envName(path)]: env }, anyNode: true });
    expect(configValue(config, path)).toEqual(resolved);
  });

  test.each(Object.entries(SAMPLES))("%s from a flag, over both", (path, [yaml, env, resolved]) => {
    const result = loadConfig({
      text: yamlFor(path, yaml),
      env: { [envName(path)]: env },
      flags: { [path]: env },
      anyNode: true,
    });
    if (!result.ok) throw new Error(formatProblems(result.problems));
    expect(configValue(result.config, path)).toEqual(resolved);
    expect(result.origin.get(path)).toEqual({ kind: "flag", name: path });
  });

  test("is a field of the resolved configuration, and there are no others", () => {
    const config = mustLoad({ text: BASE });
    const leaves = (value: unknown, path: string): string[] =>
      KEYS.some((spec) => spec.path === path) || typeof value !== "object" || value === null
        ? [path]
        : Object.entries(value).flatMap(([name, inner]) =>
            leaves(inner, path === "" ? name : `${path}.${name}`),
          );
    const { node, address, ...keyed } = config;
    expect(leaves(keyed, "").toSorted()).toEqual(KEYS.map((spec) => spec.path).toSorted());
    expect(node).toBe("a");
    expect(address).toEqual({ host: "127.0.0.1", port: 7400 });
  });

  test("of a cap is refused below 1", () => {
    for (const spec of KEYS) {
      const zero = { bytes: "0B", duration: "0ms", count: "0" }[spec.kind as string];
      if (zero === undefined) continue;
      expect(problemsOf(yamlFor(spec.path, zero)).join("\n")).toMatch(/below the least value 1/);
    }
  });

  test("of a number has a greatest value: that one is taken, one more is refused with both", () => {
    const units = { bytes: "B", duration: "ms", count: "" };
    const numbers = KEYS.filter(({ kind }) => kind in units);
    expect(KEYS.filter(({ greatest }) => greatest !== undefined)).toEqual(numbers);
    for (const spec of numbers) {
      const unit = units[spec.kind as keyof typeof units];
      const most = spec.greatest ?? 0;
      const greatest = parseValue(spec, unit === "" ? most : `${most}${unit}`);
      expect([spec.path, greatest.data]).toEqual([spec.path, most]);
      const problems = problemsOf(yamlFor(spec.path, `${most + 1}${unit}`)).join("\n");
      expect(problems).toMatch(/ is above the greatest value, \d/);
    }
  });

  test("of a duration fits a timer of Node, which would fire at once beyond 31 bits", () => {
    for (const { kind, greatest = Infinity } of KEYS)
      expect(kind === "duration" ? greatest : 0).toBeLessThan(2 ** 31);
  });

  test("has a variable name of its own", () => {
    expect(envName("replication.receive.eventHighWaterMark")).toBe(
      "ANNALS_REPLICATION_RECEIVE_EVENT_HIGH_WATER_MARK",
    );
    expect(new Set(KEYS.map((spec) => envName(spec.path))).size).toBe(KEYS.length);
  });
});

describe("problems", () => {
  test("are reported all at once, each with its place", () => {
    const text = [
      "cluster: prod",
      "data: /tmp/annals",
      "nodez: { a: 127.0.0.1:1 }",
      "raft:",
      "  electionTick: 5",
      "  tick: 30",
      "  heartbeatTicks: many",
      "batch: 17",
      "ingest:",
      "  maxRecordBytes: 2MiB",
    ].join("\n");
    const env = { ANNALS_RAFT_ELECTION_TICK: "3", ANNALS_PORT: "tcp://10.0.0.1:7400" };
    expect(problemsOf(text, { env })).toEqual([
      'annals.yaml:3:1: unknown key "nodez", did you mean "nodes"?',
      'annals.yaml:5:3: unknown key "raft.electionTick", did you mean "raft.electionTicks"?',
      "annals.yaml:8:8: batch is a section of keys, not a value",
      "environment ANNALS_RAFT_ELECTION_TICK: unknown variable, did you mean ANNALS_RAFT_ELECTION_TICKS?",
      'annals.yaml:6:9: raft.tick: "30" has no unit: write a duration such as 500ms or 30s',
      'annals.yaml:7:19: raft.heartbeatTicks: expected a whole number, found "many"',
      "annals.yaml:10:19: ingest.maxRecordBytes (2MiB) must not exceed batch.maxBytes (1MiB)",
    ]);
  });

  test("come with a code frame and a hint", () => {
    const result = loadConfig({
      file: "f.yaml",
      text: `${BASE}raft:\n  tick: 5ms\n  tack: 1\n`,
      env: {},
    });
    expect(result.ok ? "" : formatProblems(result.problems)).toBe(
      [
        'f.yaml:4:3: unknown key "raft.tack", did you mean "raft.tick"?',
        "  3 |   tick: 5ms",
        "  4 |   tack: 1",
        "    |   ^",
        "  5 |",
        "f.yaml:3:9: replication.receive.yieldAfter (10ms) must be below raft.tick (5ms)",
        "  2 | raft:",
        "  3 |   tick: 5ms",
        "    |         ^",
        "  4 |   tack: 1",
        "  = heartbeats must get through while entries are decoded: lower replication.receive.yieldAfter or raise raft.tick",
      ].join("\n"),
    );
  });

  test.each([
    ["raft: { electionTicks: 1 }", "raft.heartbeatTicks (1) must be below raft.electionTicks (1)"],
    [
      "batch: { maxBytes: 5MiB }",
      "batch.maxBytes (5MiB) must not exceed replication.append.maxBytes (4MiB)",
    ],
    [
      "replication: { append: { maxBytes: 8MiB } }",
      "replication.append.maxBytes (8MiB) plus 64KiB of framing must not exceed replication.maxMessageBytes (8MiB)",
    ],
    [
      "replication: { append: { maxInflightBytes: 64MiB } }",
      "replication.append.maxInflightBytes (64MiB) must not exceed replication.receive.maxQueueBytes (32MiB)",
    ],
    [
      "replication: { append: { maxInflightBytes: 2MiB } }",
      "replication.append.maxBytes (4MiB) must not exceed replication.append.maxInflightBytes (2MiB)",
    ],
    [
      "ingest: { maxBodyBytes: 33MiB }",
      "ingest.maxBodyBytes (33MiB) must not exceed ingest.maxPendingBytes (32MiB)",
    ],
    [
      "storage: { segmentBytes: 1MiB }",
      "replication.maxMessageBytes (8MiB) must not exceed storage.segmentBytes (1MiB)",
    ],
    [
      'listen: "0.0.0.0:7400"',
      "beyond loopback: listen (0.0.0.0:7400); connections are neither encrypted nor authenticated",
    ],
    [
      "nodes: { a: 10.0.0.1:7400 }",
      "beyond loopback: a (10.0.0.1:7400); connections are neither encrypted nor authenticated",
    ],
    ["electionTicks: 5", 'unknown key "electionTicks", did you mean "raft.electionTicks"?'],
    ["nodes: { a: 127.0.0.1 }", 'nodes.a: "127.0.0.1" is not host:port'],
    ["nodes: { a: 127.0.0.1:1, b: 127.0.0.1:1 }", "node b has the address of node a, 127.0.0.1:1"],
    ["nodes: { A_B: 127.0.0.1:1 }", "a node id is lower-case letters"],
    ["nodes: {}", "there is no node"],
    ["logs: audit", 'logs: expected a list of log names, found "audit"'],
    ["logs: [Audit]", '"Audit" is no log name'],
    ["insecure: yes", 'insecure: expected true or false, found "yes"'],
    ["raft:\n  tick:", "raft.tick: expected a duration such as 500ms or 30s, found no value"],
    ["raft: [1]", "raft is a section of keys, not a value"],
    ["cluster: ${NOPE}", "environment variable NOPE is not set"],
    ["cluster: ${no-pe}", "is none of ${NAME}"],
    ["cluster: ${file:/does/not/exist}", "cannot read ${file:/does/not/exist}"],
    ["log: { level: loud }", '"loud" is none of trace, debug'],
    ["log: { compression: lz4 }", '"lz4" is none of none, zstd'],
    ["cluster: a\ncluster: b", "this key is there twice in one mapping"],
    ["cluster: a\n---\ncluster: b", "a second document begins here"],
    ["raft: *nope", "there is no anchor &nope"],
    ["cluster: *nope", "there is no anchor &nope"],
    ["raft: { <<: 1 }", "merge keys (<<)"],
    ["nodes: { a: -bad-:7400 }", '"-bad-:7400" is not host:port'],
    ["nodes: { a: x:0007 }", '"x:0007" is not host:port'],
    ["data: ~/annals", "~ is not replaced by a home directory"],
    ["cluster: !secret a", "Unresolved tag"],
    ["- a\n- b", "the file is a list, not a mapping of keys to values"],
    ["nodes: { a: ${ADDR} }", ""],
  ])("%j", (text, message) => {
    const base = /^(?:-|data)/.test(text) ? "" : BASE;
    expect(problemsOf(base + text).join("\n")).toContain(message);
  });

  test("an unquoted ${…} in braces gets a hint of its own", () => {
    const result = loadConfig({
      text: `${BASE}nodes: { a: \${ADDR} }`,
      env: { ADDR: "localhost:1" },
    });
    expect(result.ok ? "" : formatProblems(result.problems)).toContain("needs quotes");
  });

  test("a missing key says how to give it", () => {
    const result = loadConfig({ text: "", env: {} });
    expect(result.ok ? "" : formatProblems(result.problems)).toContain(
      'add "data: …" or set ANNALS_DATA',
    );
  });

  test("aliases cannot make a small file large", () => {
    const lines = ["x-a: &a [a, a, a, a, a, a, a, a, a, a]"];
    for (const [index, name] of ["b", "c", "d", "e", "f", "g"].entries()) {
      const before = "abcdefg"[index] ?? "a";
      lines.push(
        `x-${name}: &${name} [${Array.from({ length: 10 }, () => `*${before}`).join(", ")}]`,
      );
    }
    expect(problemsOf(`${BASE}${lines.join("\n")}\nlogs: *g\n`).join("\n")).toContain(
      "more than 10000 values",
    );
  });

  test("an unknown flag is named", () => {
    expect(problemsOf(BASE, { flags: { "raft.tik": "1s" } })).toEqual([
      'flag raft.tik: unknown key "raft.tik", did you mean "raft.tick"?',
    ]);
  });
});

describe("sources", () => {
  let directory = "";
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "annals-config-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test("values are interpolated after parsing", () => {
    writeFileSync(join(directory, "name"), "from-file\n");
    const file = join(directory, "annals.yaml");
    writeFileSync(
      file,
      [
        "cluster: ${file:name}",
        "data: ./data/${node}-$${x}-${EMPTY:-standard}",
        "insecure: ${INSECURE}",
        "nodes:",
        "  a: ${env:ADDRESS}",
        "  b: localhost:${PORT:-7402}",
        "raft: { electionTicks: 20 }",
      ].join("\n"),
    );
    const env = { INSECURE: "true", ADDRESS: "10.0.0.1:1", EMPTY: "", INJECT: "x: y" };
    const config = mustLoad({ file, env, node: "b" });
    expect(config.cluster).toBe("from-file");
    expect(config.data).toBe(join(directory, "data/b-${x}-standard"));
    expect(config.insecure).toBe(true);
    expect(config.nodes).toEqual({ a: "10.0.0.1:1", b: "localhost:7402" });
    expect(config.address).toEqual({ host: "localhost", port: 7402 });
  });

  test("a node listens at its published address, or where the key says", () => {
    const nodes = `${BASE}nodes: { a: "example.org:1", b: "[::1]:2" }\ninsecure: true\n`;
    expect(mustLoad({ text: nodes, node: "b" })).toMatchObject({
      listen: "[::1]:2",
      address: { host: "::1", port: 2 },
    });
    const text = `${nodes}listen: "[::]:7400"`;
    expect(mustLoad({ text, node: "a" })).toMatchObject({
      nodes: { a: "example.org:1" },
      address: { host: "::", port: 7400 },
    });
    expect(problemsOf(`${nodes}listen: "0.0.0.0"`, { node: "a" })[0]).toContain("is not host:port");
  });

  test("the node comes from the option, then ANNALS_NODE, then is the only one", () => {
    const text = `${BASE}nodes: { a: "127.0.0.1:1", b: "[::1]:2" }`;
    expect(mustLoad({ text, env: { ANNALS_NODE: "a" }, node: "b" }).address).toEqual({
      host: "::1",
      port: 2,
    });
    expect(mustLoad({ text, env: { ANNALS_NODE: "a" } }).node).toBe("a");
    expect(problemsOf(text)).toEqual(["configuration: which node is this? The file has a, b"]);
    expect(problemsOf(text, { node: "c" })[0]).toContain('there is no node "c"');
  });

  test("a file that is missing or not UTF-8 is one problem", () => {
    const file = join(directory, "latin1.yaml");
    writeFileSync(file, Buffer.from([0x63, 0x3a, 0x20, 0xe9]));
    expect(loadConfig({ file, env: {} })).toMatchObject({
      problems: [{ message: expect.stringContaining("not UTF-8") }],
    });
    expect(loadConfig({ file: join(directory, "none.yaml"), env: {} })).toMatchObject({
      problems: [{ message: expect.stringContaining("does not exist") }],
    });
  });

  test("the result is frozen", () => {
    const config = mustLoad({ text: BASE });
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.replication.append)).toBe(true);
    expect(Object.isFrozen(config.logs)).toBe(true);
  });

  test("anchors below x- are the author's own", () => {
    const config = mustLoad({ text: `${BASE}x-big: &big 2GiB\nstorage: { segmentBytes: *big }` });
    expect(config.storage.segmentBytes).toBe(2 ** 31);
  });
});

describe("fingerprint", () => {
  test("changes with every key that must match, and with no other", () => {
    const text = `${BASE}nodes: { a: "127.0.0.1:1", b: "127.0.0.1:2" }`;
    const standard = fingerprint(mustLoad({ text, anyNode: true }));
    expect(standard).toBe(fingerprint(mustLoad({ text, node: "b" })));
    for (const spec of KEYS) {
      const flags = { [spec.path]: SAMPLES[spec.path]?.[1] ?? "" };
      const changed = fingerprint(mustLoad({ text, flags, anyNode: true }));
      expect([spec.path, changed !== standard]).toEqual([spec.path, spec.scope === "cluster"]);
    }
  });
});
