/**
 * Goal: a node carries a decision out once, and heeds nobody who has not. Method: the part of a worker that does so, on a directory of its
 * own.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "@annals/config";
import type { NodeConfig } from "@annals/config";
import { asMemberId } from "@annals/raft";
import { TailScanner } from "@annals/storage";
import type { LogDecision } from "@annals/system";
import { LogVerdict, openStore } from "@annals/worker";
import { afterEach, beforeEach, expect, test } from "vitest";

const VOTERS = [1, 2, 3].map(asMemberId);
const DECISION: LogDecision = {
  index: 17,
  keep: "a",
  member: asMemberId(1),
  by: "ada",
  at: 1_700_000_000_000,
  pending: VOTERS,
  judged: 17,
};

let config: NodeConfig;
let done: number[];
let lines: string[];

beforeEach(async () => {
  const data = await mkdtemp(join(tmpdir(), "annals-verdict-"));
  const text = `cluster: test\nnodes: { a: "127.0.0.1:1", b: "127.0.0.1:2", c: "127.0.0.1:3" }\ndata: ${data}\n`;
  const loaded = loadConfig({ text, env: {}, node: "b" });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  config = loaded.config;
  done = [];
  lines = [];
});
afterEach(() => rm(config.data, { recursive: true, force: true }));

function verdictOf(self: number, decision: LogDecision | "none" = DECISION): LogVerdict {
  const options = {
    config,
    self: asMemberId(self),
    logId: 2,
    voters: VOTERS,
    onDone: (index: number) => void done.push(index),
    onLine: (_level: string, text: string) => void lines.push(text),
  };
  return new LogVerdict(options, decision === "none" ? undefined : decision);
}

const open = () =>
  openStore({
    config,
    logId: 2,
    name: "audit",
    voters: VOTERS,
    scanner: new TailScanner(),
    onWarning: () => undefined,
  });

async function bear(): Promise<void> {
  await (await open()).close();
}

test("a copy that is given up is put aside once, whoever asks again", async () => {
  await bear();
  const verdict = verdictOf(2);
  expect(verdict.due).toBe(DECISION);
  expect(await verdict.carryOut()).toBe(true);
  expect(verdict.due).toBeUndefined();
  expect(await verdict.carryOut()).toBe(false);
  expect(await verdictOf(2).carryOut()).toBe(false);
  expect(done).toEqual([17, 17]);
  expect(lines).toHaveLength(1);
  const names = await readdir(join(config.data, "logs"));
  expect(names).toEqual(["2", "2.aside-20231114T221320000Z"]);
});

test("a copy that is kept stays, and is not another log afterwards", async () => {
  await bear();
  expect(await verdictOf(1).carryOut()).toBe(false);
  expect(done).toEqual([17]);
  expect(await readdir(join(config.data, "logs"))).toEqual(["2"]);
});

test("a member that is not waited for has nothing to do", async () => {
  const verdict = verdictOf(2, { ...DECISION, pending: [asMemberId(3)] });
  expect(verdict.due).toBeUndefined();
  expect(verdictOf(2, "none").due).toBeUndefined();
});

test("nobody is heeded who has not carried it out", () => {
  const verdict = verdictOf(2);
  expect(VOTERS.filter((member) => verdict.heeds(member))).toEqual([]);
  verdict.learn({ ...DECISION, pending: [asMemberId(3)] });
  expect(VOTERS.filter((member) => verdict.heeds(member))).toEqual([1, 2]);
  expect(verdictOf(2, "none").heeds(asMemberId(3))).toBe(true);
});

test("a log that has lost its directory is no copy to be put aside", async () => {
  await bear();
  await rm(join(config.data, "logs"), { recursive: true });
  expect(await verdictOf(2).carryOut()).toBe(false);
  expect(done).toEqual([]);
  await expect(open()).rejects.toMatchObject({ code: "ERR_LOG_MISSING" });
});

test("a copy that was emptied cannot be kept: that is said, and the log goes on as it was", async () => {
  await bear();
  const other = { ...DECISION, keep: "c", member: asMemberId(3) };
  await verdictOf(2, other).carryOut();
  const verdict = verdictOf(2, { ...DECISION, index: 23, keep: "b", member: asMemberId(2) });
  expect(await verdict.carryOut()).toBe(false);
  expect(verdict.due).toBeUndefined();
  expect(done).toEqual([17]);
  expect(lines).toContain("decision not carried out");
});
