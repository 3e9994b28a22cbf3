// Goal: `annals group` asks for what its options say and shows what the log answers. Method: the real HTTP API over a node in memory.
import { AnnalsError } from "@annals/record";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestServer } from "@annals/fake-server";
import type { TestServer } from "@annals/fake-server";
import { cli, CliRun } from "../harness.ts";
import type { Outcome } from "../harness.ts";

const GROUP = {
  name: "sinks",
  settings: "v1",
  begin: 0,
  feeds: "ndjson /a",
  lag: 1200,
  lanes: [
    { position: 34, lag: 1200, member: "one", condition: "stuck" },
    { position: 1234, lag: 0, condition: "free" },
  ],
};

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
  server.service.groupAnswer = ({ op }) => (op === "list" ? [GROUP] : GROUP);
});
afterEach(async () => {
  await server.close();
});

function annals(...argv: readonly string[]): Promise<Outcome> {
  return cli(["group", ...argv], { env: { ANNALS_URL: server.url } });
}

test("create asks for what the options say", async () => {
  const { code } = await annals(
    "create",
    "sinks",
    "--from",
    "7",
    "--lanes",
    "2",
    "--settings",
    "v1",
  );
  expect(code).toBe(0);
  expect(server.service.groupRequests).toEqual([
    { op: "create", name: "sinks", settings: "v1", lanes: 2, from: { at: "seq", seq: 7 } },
  ]);
});

test("list, show and lag show who is behind", async () => {
  const list = await annals("list");
  expect(list.stdout.split("\n").map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["GROUP", "LANES", "LAG", "HELD", "STUCK", "FEEDS", "SETTINGS"],
    ["sinks", "2", "1 200", "1", "1", "ndjson /a", "v1"],
    [""],
  ]);
  const show = await annals("show", "sinks");
  expect(show.stdout).toMatch(/sinks +0 +34 +1 200 +stuck +ndjson \/a +one\n/);
  expect((await annals("lag")).stdout).toBe(show.stdout);
  expect(JSON.parse((await annals("list", "-o", "json")).stdout)).toEqual({
    items: [GROUP],
    next: null,
  });
  expect(JSON.parse((await annals("lag", "-o", "ndjson")).stdout)).toEqual(GROUP);
});

test("lag --watch goes on until Ctrl-C", async () => {
  const run = new CliRun(["group", "lag", "--watch"], { env: { ANNALS_URL: server.url } });
  await expect.poll(() => run.stdout).toMatch("stuck");
  run.interrupt();
  expect((await run.outcome).code).toBe(0);
});

test("reset and delete say what is missing", async () => {
  await annals("reset", "sinks", "--to", "2026-01-02");
  expect(server.service.groupRequests).toEqual([
    { op: "reset", name: "sinks", to: { at: "time", time: Date.parse("2026-01-02") } },
  ]);
  server.service.groupAnswer = () => {
    throw new AnnalsError("ERR_GROUP_NOT_FOUND", 'the log has no group "none"');
  };
  expect(await annals("delete", "none")).toMatchObject({ code: 6, stdout: "" });
  expect(await annals("reset", "sinks", "--to", "soon")).toMatchObject({ code: 2 });
  expect(await annals("create", "x", "--lanes", "65")).toMatchObject({ code: 2 });
});
