/**
 * Goal: `append --follow` loses and doubles nothing when it is killed in the middle. Method: the command follows a file that grows, against
 * one node; it is killed with -9 again and again, also while requests are on their way; the log is then the file, line by line.
 */
import type { ChildProcess } from "node:child_process";
import { appendFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { startFollowing } from "./support/following.ts";
import { exitOf } from "./support/program.ts";

const ROUNDS = 8;
const LINES_PER_ROUND = 2000;

let cluster: TestCluster;
let child: ChildProcess | undefined;

afterEach(async (context) => {
  child?.kill("SIGKILL");
  await cluster.closeAfter(context);
});

it("appends each line of a growing file once although it is killed again and again", async () => {
  cluster = await TestCluster.start({ nodes: ["a"] });
  await cluster.untilReady();
  const client = cluster.client("a");
  const file = join(cluster.directory, "app.ndjson");
  const lastSeq = async (): Promise<number> => (await client.logs())[0]?.lastSeq ?? 0;
  for (let round = 0; round < ROUNDS; round++) {
    const lines = Array.from({ length: LINES_PER_ROUND }, (_, k) =>
      JSON.stringify({ actor: { id: "app" }, action: `do-${round * LINES_PER_ROUND + k}` }),
    );
    await appendFile(file, `${lines.join("\n")}\n`);
    const before = await lastSeq();
    child = startFollowing(file, cluster.url("a"));
    // Somewhere in what is left, with a request on its way.
    await until(async () => (await lastSeq()) >= before + 150 + round * 7);
    child.kill("SIGKILL");
    await exitOf(child);
  }
  await rename(file, `${file}.1`);
  await appendFile(file, `${JSON.stringify({ actor: { id: "app" }, action: "last" })}\n`);
  child = startFollowing(file, cluster.url("a"));
  await until(async () => (await lastSeq()) > ROUNDS * LINES_PER_ROUND);
  child.kill("SIGTERM");
  expect(await exitOf(child)).toBe(0);
  const actions: string[] = [];
  for await (const { action } of client.records("audit", { limit: 10_000 })) actions.push(action);
  const wanted = Array.from({ length: ROUNDS * LINES_PER_ROUND }, (_, k) => `do-${k}`);
  expect(actions).toEqual([...wanted, "last"]);
});
