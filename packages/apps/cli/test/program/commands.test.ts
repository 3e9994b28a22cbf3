// Goal: every command that talks to a cluster, against the real HTTP API over a node in memory: data on stdout, the rest on stderr, exit
// codes by kind of failure.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnalsError, BadInputError } from "@annals/record";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { CliRun, cli } from "../harness.ts";
import type { CliOptions, Outcome } from "../harness.ts";

let server: TestServer;
let directory: string;

beforeEach(async () => {
  server = await startTestServer();
  directory = mkdtempSync(join(tmpdir(), "annals-cli-"));
});
afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

function annals(argv: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  return cli(argv, { ...options, env: { ANNALS_URL: server.url, ...options.env }, cwd: directory });
}

async function fill(count: number): Promise<void> {
  const lines = Array.from({ length: count }, (_, k) =>
    JSON.stringify({
      actor: { id: k % 2 === 0 ? "ada" : "bob" },
      action: k % 3 === 0 ? "login" : "file.read",
      targets: [{ id: `f${k}` }],
    }),
  );
  await annals(["append", "-"], { stdin: lines.join("\n") });
}

const NO_RECORDS = {
  firstSeq: undefined,
  lastSeq: undefined,
  firstRecordedAt: undefined,
  lastRecordedAt: undefined,
};

test("schemas of a log are set, listed, shown and removed", async () => {
  writeFileSync(join(directory, "s.json"), '{"type":"object"}');
  expect(await annals(["log", "schema", "set", "a.b", "s.json"])).toMatchObject({ code: 0 });
  const listed = await annals(["log", "schema", "list", "-o", "json"]);
  const schema = { action: "a.b", version: 1, schema: { type: "object" } };
  expect(JSON.parse(listed.stdout)).toEqual({ items: [schema] });
  expect((await annals(["log", "schema", "show", "a.b"])).stdout).toContain("a.b");
  expect((await annals(["log", "schema", "remove", "a.b"])).stdout).toContain("removed");
  expect(await annals(["log", "schema", "show", "a.b"])).toMatchObject({ code: 6 });
  writeFileSync(join(directory, "s.json"), '{"pattern":"(a+)+"}');
  const refused = await annals(["log", "schema", "set", "a.b", "s.json"]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("ERR_SCHEMA_INVALID") });
});

describe("append", () => {
  test("one record from options", async () => {
    const identity = ["--actor", "ada", "--actor-type", "user", "--tenant", "t"];
    const deed = [
      "--action",
      "file.deleted",
      "--outcome",
      "denied",
      "--time",
      "2026-01-01T00:00:00Z",
    ];
    const targets = ["--target", "a", "--target", "b", "--target-type", "file"];
    const out = await annals(
      ["append", "--data", '{"ip":"::1"}', "-o", "json"].concat(identity, deed, targets),
    );
    expect(out).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(out.stdout)).toEqual({ log: "audit", firstSeq: 1, lastSeq: 1, count: 1 });
    const stored = await annals(["get", "1", "-o", "ndjson"]);
    expect(JSON.parse(stored.stdout)).toMatchObject({
      actor: { type: "user", id: "ada" },
      action: "file.deleted",
      targets: [
        { type: "file", id: "a" },
        { type: "file", id: "b" },
      ],
      outcome: "denied",
      tenant: "t",
      time: "2026-01-01T00:00:00Z",
      data: { ip: "::1" },
    });
  });

  test("many from stdin or a file, in numbered requests", async () => {
    const record = '{"actor":{"id":"x"},"action":"a"}';
    const text = `${record}\r\n\n${record}\n${record}`;
    expect(await annals(["append", "-", "--batch", "2"], { stdin: text })).toMatchObject({
      code: 0,
      stdout: "appended 3 records to audit: seq 1 to 3\n",
    });
    expect(server.service.appends.map(({ producer }) => producer?.sequence)).toEqual([1, 2]);
    writeFileSync(join(directory, "events.ndjson"), text);
    expect((await annals(["append", "events.ndjson"])).stdout).toContain("seq 4 to 6");
    expect((await annals(["append", "-"])).stdout).toBe("nothing to append to audit\n");
  });

  test("names the line of a bad record", async () => {
    const good = '{"actor":{"id":"x"},"action":"a"}';
    const stdin = [good, good, "", good, '{"actor":{"id":"x"}}', good].join("\n");
    const out = await annals(["append", "-"], { stdin });
    expect(out.code).toBe(1);
    expect(out.stderr).toContain("stdin:5, byte 103: action is missing (ERR_RECORD_FIELD_MISSING)");
    expect(out.stderr).toContain("(ERR_RECORD_FIELD_MISSING)");
    expect(out.stderr).toContain(
      "3 records of stdin, up to line 4, are in the log; nothing behind that is",
    );
    expect(server.service.lastSeq("audit")).toBe(3);
  });

  test("says what is missing or wrong", async () => {
    expect(await annals(["append", "--actor", "x"])).toMatchObject({ code: 2 });
    expect(
      (await annals(["append", "--actor", "x", "--action", "a", "--data", "[1]"])).stderr,
    ).toContain("JSON object");
    expect(await annals(["append", "nope.ndjson"])).toMatchObject({ code: 1 });
    expect((await annals(["append", "nope.ndjson"])).stderr).toContain("there is no such file");
    expect(await annals(["append", "-", "--batch", "0"])).toMatchObject({ code: 2 });
  });
});

describe("get, query, tail", () => {
  beforeEach(() => fill(12));

  test("get prints every field, and 6 when there is none", async () => {
    const out = await annals(["get", "2"]);
    expect(out.stdout).toMatch(/^seq +2$/m);
    expect(out.stdout).toMatch(/^targets +\[\{"id":"f1"\}\]$/m);
    expect(await annals(["get", "99"])).toMatchObject({ code: 6, stdout: "" });
    expect(await annals(["get", "two"])).toMatchObject({ code: 2 });
  });

  test("query prints a table and says what was looked at", async () => {
    const out = await annals(["query", "--action", "file.*", "--actor", "ada", "--limit", "2"]);
    expect(out.stdout.split("\n").map((line) => line.trim().split(/ +/)[0])).toEqual([
      "SEQ",
      "3",
      "5",
      "",
    ]);
    expect(out.stderr).toMatch(/^2 records; seq 1 to 5 looked at; more: --cursor \S+$/m);
    const cursor = /--cursor (\S+)/.exec(out.stderr)?.[1] ?? "";
    const next = await annals([
      "query",
      "--action",
      "file.*",
      "--actor",
      "ada",
      "--cursor",
      cursor,
      "-o",
      "json",
    ]);
    expect(JSON.parse(next.stdout)).toMatchObject({
      items: [{ seq: 9 }, { seq: 11 }],
      covered: { from: 6, to: 12 },
    });
  });

  test("query knows times, order, and all pages", async () => {
    const all = await annals(["query", "--all", "-o", "ndjson"]);
    expect(all.stdout.trim().split("\n")).toHaveLength(12);
    expect((await annals(["query", "--all", "-o", "json"])).code).toBe(2);
    const desc = await annals(["query", "--desc", "--limit", "1", "-o", "json", "--target", "f3"]);
    expect(JSON.parse(desc.stdout)).toMatchObject({ items: [{ seq: 4 }] });
    expect(await annals(["query", "--since", "2100-01-01", "-o", "ndjson"])).toMatchObject({
      code: 0,
      stdout: "",
    });
    await annals(["query", "--since", "2025-12-31", "--until", "2026-01-01T00:00:00+01:00"]);
    expect(server.service.reads.at(-1)).toMatchObject({
      until: Date.parse("2025-12-31T23:00:00Z"),
    });
    expect(await annals(["query", "--since", "soon"])).toMatchObject({ code: 2 });
  });

  test("tail prints the last ones, oldest first", async () => {
    const out = await annals(["tail", "-n", "3", "-o", "ndjson"]);
    const seqs = out.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs).toEqual([10, 11, 12]);
    expect((await annals(["tail", "--from", "11"])).stdout.trim().split("\n")).toHaveLength(2);
    expect((await annals(["tail", "-n", "0"])).stdout).toBe("");
  });

  test("tail -f goes on until Ctrl-C", async () => {
    const running = new CliRun(["tail", "-f", "-n", "1", "--url", server.url]);
    await expect.poll(() => running.stdout).toContain("f11");
    await annals(["append", "--actor", "late", "--action", "login"]);
    await expect.poll(() => running.stdout).toContain("late");
    running.interrupt();
    expect(await running.outcome).toMatchObject({ code: 0 });
    expect(running.stdout.trim().split("\n")).toHaveLength(2);
  });

  test("control characters of records do not reach the terminal", async () => {
    await annals(["append", "--actor", "\u001b[2J", "--action", "login"]);
    expect((await annals(["tail", "-n", "1"])).stdout).not.toContain("\u001b");
  });
});

describe("log and cluster", () => {
  test("logs are created, listed and shown", async () => {
    expect(await annals(["log", "create", "orders"])).toMatchObject({ code: 0 });
    expect((await annals(["log", "list"])).stdout).toMatch(/^orders +1 +0 +a +0\.0 +open$/m);
    expect(JSON.parse((await annals(["log", "list", "-o", "json"])).stdout)).toMatchObject({
      items: [{}, {}],
      next: null,
    });
    expect(
      JSON.parse((await annals(["log", "show", "orders", "-o", "json"])).stdout),
    ).toMatchObject({ name: "orders" });
    expect(await annals(["log", "show", "nope"])).toMatchObject({ code: 6 });
    expect(await annals(["log", "create", "Bad"])).toMatchObject({ code: 2 });
    expect(await annals(["query", "--log", "nope"])).toMatchObject({ code: 6 });
  });

  test("status shows nodes, logs and reasons", async () => {
    server.service.statusNow = { reasons: ["node c is not reachable"] };
    const out = await annals(["cluster", "status"]);
    expect(out.stdout).toMatch(/^a \* +127\.0\.0\.1:1 +yes +alone: nobody can confirm it +\d+$/m);
    expect(out.stdout).toContain("! node c is not reachable");
    expect(JSON.parse((await annals(["cluster", "status", "-o", "json"])).stdout)).toMatchObject({
      cluster: "test",
    });
  });

  describe("log resolve", () => {
    const claim = { index: 7, term: 2, hash: "bb".repeat(32), commitIndex: 8 };
    const diverged = { since: 1_700_000_000_000, own: undefined, other: { ...claim, member: 3 } };
    const decision = { decision: 17, keep: "a", by: "ada", at: "2026-01-01T00:00:00.000Z" };

    beforeEach(async () => {
      const [node] = (await server.service.cluster()).nodes;
      if (node === undefined) throw new Error("a cluster without a node");
      server.service.statusNow = {
        nodes: [
          { ...node, address: server.address },
          { ...node, id: "b", address: "127.0.0.1:9" },
        ],
      };
      const parted = { from: 7, to: 9, records: 0, ...NO_RECORDS };
      const ends = { lastIndex: 9, lastTerm: 2, headHash: "aa".repeat(32) };
      server.service.copyNow = { ...ends, diverged, parted };
    });

    test("shows the copies node by node, and what was decided", async () => {
      const out = await annals(["log", "resolve", "audit"]);
      expect(out).toMatchObject({ code: 0, stderr: "" });
      expect(out.stdout).toMatch(
        /^a +9 +2 +0 +0 +a{16} +diverged at 7 since 2023-11-14T22:13:20.000Z$/m,
      );
      expect(out.stdout).toMatch(/^b +\? +\? +\? +\? +\? +does not answer$/m);
      expect(await annals(["log", "resolve", "nope"])).toMatchObject({ code: 6 });
      const decided = { ...decision, waitsFor: ["b"], carriedOut: true };
      server.service.copyNow = { emptiedFor: "c", headHash: "aa", decision: decided };
      const later = await annals(["log", "resolve", "audit"]);
      expect(later.stdout).toContain("emptied, waits for the copy of c");
      expect(later.stderr).toContain("has not diverged");
      expect(later.stderr).toContain("keeps the copy of a: waits for b");
    });

    test("decides after it has said what is given up, and waits for every node", async () => {
      const argv = ["log", "resolve", "audit", "--keep", "b"];
      const asked = await annals(argv);
      expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
      expect(asked.stderr).toContain("the copy of node a is put aside");
      expect(asked.stderr).toContain("entries 7 to 9");
      expect(server.service.decided).toBeUndefined();
      const running = new CliRun([...argv, "--yes", "-o", "json"], {
        env: { ANNALS_URL: server.url },
      });
      await expect.poll(() => running.stderr).toContain("decision 17");
      const part = { ...decision, waitsFor: ["b"], carriedOut: true };
      server.service.copyNow = { ...server.service.copyNow, decision: part };
      await expect.poll(() => running.stderr).toContain("node a has carried it out");
      const all = { ...part, waitsFor: [] };
      server.service.copyNow = { ...server.service.copyNow, decision: all };
      const out = await running.outcome;
      expect(out.code).toBe(0);
      expect(JSON.parse(out.stdout)).toMatchObject({ log: "audit", decision: 17, waitsFor: [] });
      expect(server.service.decided).toMatchObject({ keep: "b" });
    });

    test("says who has not carried it out, and why, with exit code 4", async () => {
      const decided = { ...decision, waitsFor: ["b"], carriedOut: true };
      server.service.copyNow = { ...server.service.copyNow, decision: decided };
      const argv = ["log", "resolve", "audit", "--keep", "a", "--yes", "--wait", "1s"];
      const out = await annals(argv);
      expect(out).toMatchObject({ code: 4, stdout: "" });
      expect(out.stderr).toContain("not carried out yet on b (it does not answer)");
      expect(await annals([...argv.slice(0, -1), "soon"])).toMatchObject({ code: 2 });
    });
  });

  test("health says why not, with exit code 10", async () => {
    const nodes = [
      {
        id: "a",
        address: server.address,
        reachable: true,
        pid: 1,
        reason: undefined,
        clock: undefined,
      },
    ];
    server.service.statusNow = { nodes };
    expect(await annals(["cluster", "health"])).toMatchObject({
      code: 0,
      stdout: "healthy\n  a: ready, clock alone: nobody can confirm it\n",
    });
    server.service.healthNow = { live: true, ready: false, reasons: ["log audit has no leader"] };
    const sick = await annals(["cluster", "health", "-o", "json"]);
    expect(sick.code).toBe(10);
    expect(JSON.parse(sick.stdout)).toMatchObject({ healthy: false, nodes: [{ ready: false }] });
    expect(await cli(["cluster", "health", "--url", "http://127.0.0.1:9"])).toMatchObject({
      code: 10,
    });
  });

  test("health --watch ends when healthy, or at Ctrl-C", async () => {
    server.service.statusNow = {
      nodes: [
        {
          id: "a",
          address: server.address,
          reachable: true,
          pid: 1,
          reason: undefined,
          clock: undefined,
        },
      ],
    };
    expect(await annals(["cluster", "health", "--watch", "--exit-when-healthy"])).toMatchObject({
      code: 0,
    });
    const running = new CliRun(["cluster", "health", "--watch", "--url", server.url]);
    await expect.poll(() => running.stdout).toContain("healthy");
    running.interrupt();
    expect(await running.outcome).toMatchObject({ code: 0 });
  });

  test("transfer-leader", async () => {
    expect(await annals(["cluster", "transfer-leader", "--to", "b"])).toMatchObject({
      code: 0,
      stdout: "audit: leader is now b\n",
    });
    expect(server.service.transfers).toEqual([{ log: "audit", to: "b" }]);
    expect(await annals(["cluster", "transfer-leader", "--to", "nobody"])).toMatchObject({
      code: 6,
    });
    server.service.refusesToLead = "c";
    const refused = await annals(["cluster", "transfer-leader", "--to", "c", "--timeout", "1ms"]);
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("audit: the leader is b, not c (ERR_TRANSFER_UNFINISHED)");
  });
});

describe("failures", () => {
  test("exit codes tell what kind", async () => {
    const quick = ["--timeout", "1ms"];
    const dead = await cli(["query", ...quick, "--url", "http://127.0.0.1:9"]);
    expect(dead.code).toBe(3);
    expect(dead.stderr).toContain("annals dev");
    server.service.target = () => ({ kind: "none" });
    expect(await annals(["append", "--actor", "a", "--action", "b", ...quick])).toMatchObject({
      code: 4,
    });
    server.service.target = () => ({ kind: "local" });
    server.service.beforeAppend = () => {
      throw new AnnalsError("ERR_LOG_RESERVED", "no");
    };
    expect(await annals(["append", "--actor", "a", "--action", "b"])).toMatchObject({ code: 5 });
  });

  test("usage errors are 2 and suggest", async () => {
    expect(await annals(["querry"])).toMatchObject({ code: 2, stdout: "" });
    expect((await annals(["querry"])).stderr).toContain("Did you mean query?");
    expect((await annals(["query", "--limt", "5"])).stderr).toContain("--limit");
    expect(await annals(["query", "-o", "xml"])).toMatchObject({ code: 2 });
    expect(await annals(["query", "--url", "nonsense"])).toMatchObject({ code: 2 });
    expect(await annals(["query", "--timeout", "5"])).toMatchObject({ code: 2 });
    expect((await annals(["query", "--limt", "5"])).stderr).toMatch(
      /^annals: unknown option '--limt' \(ERR_USAGE\)\n\(Did you mean --limit\?\)\n/,
    );
  });

  test.each([
    ["query --action fil*", "action"],
    ["query --cursor xyz", "cursor"],
    ["log create Bad_Name", "name: expected lower-case letters"],
  ])("%j: a value that the server refuses is wrong usage, too", async (line, what) => {
    const { code, stderr } = await annals(line.split(" "));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(what) });
  });

  test.each([
    ["time", "--time: expected another value (ERR_RECORD_FIELD_VALUE)"],
    ["targets[1].id", "--target: expected another value (ERR_RECORD_FIELD_VALUE)"],
    ["actor.type", "--actor-type: expected another value (ERR_RECORD_FIELD_VALUE)"],
    ["", "annals: expected another value (ERR_RECORD_FIELD_VALUE)"],
  ])("a record made of options has no fields, but options: %j", async (path, text) => {
    server.service.beforeAppend = () => {
      const place = { position: 0, path, offset: 17 };
      throw new BadInputError("ERR_RECORD_FIELD_VALUE", "expected another value", place);
    };
    const { code, stderr } = await annals(["append", "--actor", "a", "--action", "b"]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(text) });
  });

  test.each([
    ["query --limt 5 -o json", 2, "ERR_USAGE"],
    ["query --cursor xyz --output=ndjson", 2, "ERR_CURSOR_INVALID"],
    ["get 7 -ojson", 6, "ERR_RECORD_NOT_FOUND"],
  ])("%j: errors are JSON where JSON was asked for", async (line, exitCode, code) => {
    const outcome = await annals(line.split(" "));
    expect(outcome.code).toBe(exitCode);
    expect(JSON.parse(outcome.stderr)).toMatchObject({
      error: { code, message: expect.any(String) },
      exitCode,
    });
  });

  test("Ctrl-C ends a command that waits for its input", async () => {
    const running = new CliRun(["append", "-"], {
      env: { ANNALS_URL: server.url },
      cwd: directory,
      stdinNeverEnds: true,
    });
    await vi.waitFor(() => expect(running.asked).toBe(true));
    running.interrupt();
    expect(await running.outcome).toMatchObject({ code: 130 });
  });

  test("help begins with examples and goes to stdout", async () => {
    for (const argv of [
      ["--help"],
      ["query", "--help"],
      ["cluster", "--help"],
      ["dev", "kill-leader", "--help"],
    ]) {
      const out = await annals(argv);
      expect(out).toMatchObject({ code: 0, stderr: "" });
      expect(out.stdout.startsWith("Examples:\n  annals ")).toBe(true);
    }
  });

  test("version and completion", async () => {
    expect((await annals(["version"])).stdout).toMatch(/^annals \d+\.\d+\.\d+ \(node v/);
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout } = await annals(["completion", shell]);
      expect(code).toBe(0);
      for (const word of ["transfer-leader", "kill-leader", "explain"])
        expect(stdout).toContain(word);
    }
    expect(await annals(["completion", "tcsh"])).toMatchObject({ code: 2 });
  });

  test.each([
    ["cluster he", "health"],
    ["query -o ", "table json ndjson"],
    ["query --output n", "ndjson"],
    ["append --outcome d", "denied"],
    ["append --actor ", ""],
    ["cluster transfer-leader --", "--to --log --url --timeout --output --help"],
  ])("bash completes %j", async (line, expected) => {
    const { stdout } = await annals(["completion", "bash"]);
    const words = `annals ${line}`.split(" ");
    const script = `${stdout}
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
      _annals; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const offered = execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim();
    expect(offered.split("\n").toSorted()).toEqual(expected.split(" ").toSorted());
  });
});
