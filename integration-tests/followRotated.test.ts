/**
 * Goal: `append --follow` loses and doubles nothing when its file is rotated twice while the cluster
 * is away and it is killed itself in between. Method: the command as a process against one node as a
 * process; both are killed with -9 with a request on its way, files are renamed, one is compressed.
 */
import type { ChildProcess } from "node:child_process";
import { appendFile, readFile, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { startFollowing } from "./support/following.ts";
import { exitOf } from "./support/program.ts";

const LINES = 3000;

let cluster: TestCluster;
let child: ChildProcess | undefined;

afterEach(async (context) => {
  child?.kill("SIGKILL");
  await cluster.closeAfter(context);
});

function lines(name: string): string {
  const all = Array.from({ length: LINES }, (_, k) =>
    JSON.stringify({ actor: { id: "app" }, action: `${name}-${k}` }),
  );
  return `${all.join("\n")}\n`;
}

async function compress(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
  await utimes(`${path}.gz`, atime, mtime);
  await unlink(path);
}

it("appends each line once over two rotations, an outage and kill -9", async () => {
  cluster = await TestCluster.start({ nodes: ["a"] });
  await cluster.untilReady();
  const client = cluster.client("a");
  const file = join(cluster.directory, "app.ndjson");
  await writeFile(file, lines("first"));
  child = startFollowing(file, cluster.url("a"));
  await until(async () => ((await client.logs())[0]?.lastSeq ?? 0) >= 200);
  await cluster.kill("a");
  // The request that was on its way waits now; the state says so.
  await rename(file, `${file}.1`);
  await writeFile(file, lines("second"));
  const listed = async (): Promise<number> => {
    const state: unknown = JSON.parse(await readFile(`${file}.annals`, "utf8"));
    return (state as { readonly files: readonly unknown[] }).files.length;
  };
  await until(async () => (await listed()) === 2);
  child.kill("SIGKILL");
  await exitOf(child);
  await rename(`${file}.1`, `${file}.2`);
  await compress(`${file}.2`);
  await rename(file, `${file}.1`);
  await writeFile(file, lines("third"));
  cluster.spawn("a");
  await cluster.untilReady();
  child = startFollowing(file, cluster.url("a"));
  await until(async () => ((await client.logs())[0]?.lastSeq ?? 0) >= 3 * LINES);
  await appendFile(file, `${JSON.stringify({ actor: { id: "app" }, action: "last" })}\n`);
  await until(async () => ((await client.logs())[0]?.lastSeq ?? 0) > 3 * LINES);
  child.kill("SIGTERM");
  expect(await exitOf(child)).toBe(0);
  const actions: string[] = [];
  for await (const { action } of client.records("audit", { limit: 10_000 })) actions.push(action);
  const wanted = ["first", "second", "third"].flatMap((name) =>
    Array.from({ length: LINES }, (_, k) => `${name}-${k}`),
  );
  expect(actions).toEqual([...wanted, "last"]);
});
