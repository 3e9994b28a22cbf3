/**
 * Goal: what a graph says of a repository's history is what git says. Method: a history that is made up is imported into three nodes while the
 * leader and the runner of the sink are killed; then every question of the examples is asked of the graph and of git, for every file and
 * commit.
 */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { GraphDatabase, GraphRow } from "@annals/graph";
import { openGraph } from "@annals/graph";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { makeRepository } from "./support/madeRepository.ts";
import { exitOf } from "./support/program.ts";

const COMMITS = 400;
const SEED = 20_261_122;
const NEVER = new AbortController().signal;

let cluster: TestCluster;
let runner: ChildProcess | undefined;
let graph: GraphDatabase | undefined;
let repository: string;

beforeEach(async () => {
  cluster = await TestCluster.start({ config: "groups: { lease: 1s }\n" });
  repository = join(cluster.directory, "made");
  makeRepository(repository, COMMITS, SEED);
});

afterEach(async () => {
  await graph?.close();
  runner?.kill("SIGKILL");
  await cluster.close();
});

function git(...args: readonly string[]): string {
  const quiet = ["-C", repository, "-c", "core.quotePath=false"];
  return execFileSync("git", [...quiet, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });
}

function lines(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

interface LoggedCommit {
  readonly id: string;
  readonly author: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly files: readonly string[];
}

/** The newest commit first. */
function log(...args: readonly string[]): readonly LoggedCommit[] {
  const format = "--format=%x01%H %ae %ct";
  const text = git("log", "--topo-order", format, "--name-only", "--no-renames", ...args, "main");
  return text
    .split("\u0001")
    .slice(1)
    .map((part) => {
      const [head = "", ...files] = lines(part);
      const [id = "", author = "", time = ""] = head.split(" ");
      return { id, author, time: Number(time), files };
    });
}

/** A question of the examples, asked of the graph. */
function question(name: string): (set: Readonly<Record<string, string>>) => Promise<GraphRow[]> {
  const path = join(import.meta.dirname, `../packages/apps/cli/examples/git/${name}.cypher`);
  const cypher = readFileSync(path, "utf8");
  return (set) => ask(cypher, set);
}

async function ask(
  cypher: string,
  set: Readonly<Record<string, string>> = {},
): Promise<GraphRow[]> {
  const transaction = await graph?.begin(NEVER);
  const rows = await transaction?.run(cypher, set);
  await transaction?.rollback();
  return [...(rows ?? [])];
}

function start(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [ENTRY, ...args], { stdio: ["ignore", "ignore", "inherit"] });
}

async function importAndFollow(): Promise<string> {
  await cluster.untilReady();
  const client = cluster.client(...cluster.ids);
  const urls = cluster.ids.map((id) => cluster.url(id));
  const file = join(cluster.directory, "sinks.yaml");
  const where = `grafeo:${join(cluster.directory, "made.graph")}`;
  await writeFile(
    file,
    `url: [${urls.join(", ")}]\nlisten: 127.0.0.1:0\nsinks:\n` +
      `  made: { to: { graph: { url: "${where}", mapping: git } } }\n`,
  );
  runner = start("sink", "run", file);
  const imported = exitOf(
    start("import", "git", repository, "--batch", "10", ...urls.flatMap((url) => ["--url", url])),
  );
  const group = (): Promise<{ readonly lag: number } | undefined> =>
    client
      .groups("audit")
      .list()
      .then(([one]) => one);
  const leader = await cluster.leader();
  const watcher = cluster.ids.find((id) => id !== leader) ?? "";
  await until(async () => {
    const audit = (await cluster.status(watcher))?.logs.find(({ name }) => name === "audit");
    return (audit?.lastSeq ?? 0) > COMMITS / 2;
  });
  await cluster.kill(leader);
  cluster.spawn(leader);
  runner.kill("SIGKILL");
  await exitOf(runner);
  runner = start("sink", "run", file);
  expect(await imported).toBe(0);
  await until(async () => (await group())?.lag === 0);
  runner.kill("SIGTERM");
  expect(await exitOf(runner)).toBe(0);
  return where;
}

it("answers what git answers, although the leader and the runner are killed meanwhile", async () => {
  graph = await openGraph(await importAndFollow());
  const all = log("--diff-merges=combined");
  const mainLine = log("--first-parent", "--diff-merges=first-parent");
  const filesOf = new Map([...all, ...mainLine].map(({ id, files }) => [id, files]));
  const everyFile = new Set(all.flatMap(({ files }) => files));
  expect(all.length).toBeGreaterThan(COMMITS / 2);
  const actions = await ask("MATCH (e:Event) RETURN DISTINCT e.action AS action ORDER BY action");
  expect(actions.map(({ action }) => action)).toEqual([
    "commit.empty",
    ...["added", "deleted", "merged", "modified", "renamed"].map((kind) => `file.${kind}`),
  ]);

  const lastChange = question("lastChange");
  for (const file of everyFile) {
    const last = all.find(({ files }) => files.includes(file));
    const rows = await lastChange({ file });
    expect([file, ...rows]).toMatchObject([file, { author: last?.author, commit: last?.id }]);
  }

  const changedTogether = question("changedTogether");
  for (const [commit, files] of filesOf) {
    const rows = await changedTogether({ repository: "made", commit });
    expect(rows.map(({ file }) => String(file))).toEqual([...files].toSorted());
  }

  const changedBy = question("changedBy");
  const times = all.map(({ time }) => time).toSorted((a, b) => a - b);
  for (const author of new Set(all.map((commit) => commit.author))) {
    for (const [from, to] of [
      [0, 1],
      [0.2, 0.6],
      [0.5, 0.55],
    ] as const) {
      const [since = 0, end = 0] = [from, to].map((at) => times[Math.floor(at * (all.length - 1))]);
      const commits = log("--diff-merges=combined", `--since=@${since}`, `--until=@${end}`);
      const wanted = new Set(
        commits.flatMap((commit) => (commit.author === author ? commit.files : [])),
      );
      const [first, last] = [since, end].map((time) => new Date(time * 1000).toISOString());
      const rows = await changedBy({ author, since: first ?? "", until: last ?? "" });
      expect(rows.map(({ file }) => String(file))).toEqual([...wanted].toSorted());
    }
  }

  const valueAt = question("valueAt");
  const files = [...everyFile];
  for (const [index, { id: commit }] of mainLine.entries()) {
    const tree = new Map(
      lines(git("ls-tree", "-r", "--format=%(path)%x09%(objectname)%x09%(objectmode)", commit)).map(
        (line) => {
          const [path = "", blob, mode] = line.split("\t");
          return [path, { blob: blob ?? null, mode: mode ?? null }];
        },
      ),
    );
    // All of them at some commits, some of them at all.
    for (const file of files.filter((_, at) => index % 40 === 0 || (at + index) % 20 === 0)) {
      const rows = await valueAt({ repository: "made", commit, file });
      const value = Object.fromEntries(rows.map(({ path, value: found }) => [path, found]));
      const { blob = null, mode = null } = value;
      const wanted = tree.get(file) ?? { blob: null, mode: null };
      expect({ file, commit, blob, mode }).toEqual({ file, commit, ...wanted });
    }
  }
});
