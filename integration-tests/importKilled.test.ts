/**
 * Goal: an import of a history survives kill -9 of the leader, and nothing of it is missing or doubled. Method: the command itself imports a
 * generated repository in small requests; the leader is killed when a part of it has arrived; fsck looks at every stopped node.
 */
import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";

const COMMITS = 600;
const FILES_PER_COMMIT = 5;
const RECORDS = COMMITS * FILES_PER_COMMIT;

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

/** A repository of which every commit changes the same number of files. */
function makeRepository(directory: string): void {
  execFileSync("git", ["init", "-q", "-b", "main", directory]);
  let stream = "";
  for (let commit = 0; commit < COMMITS; commit++) {
    stream += `commit refs/heads/main\ncommitter Dev <dev@example.org> ${1_700_000_000 + commit} +0000\ndata 1\nc\n`;
    for (let file = 0; file < FILES_PER_COMMIT; file++) {
      const text = `${commit} ${file}\n`;
      stream += `M 100644 inline f${file}\ndata ${text.length}\n${text}\n`;
    }
    stream += "\n";
  }
  execFileSync("git", ["-C", directory, "fast-import", "--quiet"], { input: stream });
}

function importInto(urls: readonly string[], repository: string): Promise<number | null> {
  const args = [
    "import",
    "git",
    repository,
    "--batch",
    "10",
    ...urls.flatMap((url) => ["--url", url]),
  ];
  const child = spawn(process.execPath, [ENTRY, ...args], { stdio: "ignore" });
  return new Promise((resolve) => child.on("exit", resolve));
}

it("imports a history once and in order although the leader is killed in the middle", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const repository = join(cluster.directory, "repository");
  makeRepository(repository);
  const leader = await cluster.leader();
  const watcher = cluster.ids.find((id) => id !== leader) ?? "";
  const urls = cluster.ids.map((id) => cluster.url(id));
  const imported = importInto(urls, repository);
  await until(async () => {
    const audit = (await cluster.status(watcher))?.logs.find((log) => log.name === "audit");
    return (audit?.lastSeq ?? 0) > RECORDS / 10;
  });
  await cluster.kill(leader);
  expect(await imported).toBe(0);
  cluster.spawn(leader);
  await cluster.untilReady();

  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe(RECORDS);
  for (const id of cluster.ids) {
    const records = await cluster.localRecords(id);
    const times = records.map((record) => Date.parse(record.time ?? ""));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const changes = new Set(records.map((record) => JSON.stringify([record.time, record.targets])));
    expect(changes.size).toBe(RECORDS);
  }
  expect(await importInto(urls, repository)).toBe(0);
  expect((await cluster.untilConverged()).lastSeq).toBe(RECORDS);

  for (const id of cluster.ids) {
    expect(await cluster.stop(id)).toBe(0);
    const report = execFileSync(process.execPath, [ENTRY, "fsck", cluster.dataOf(id)], {
      encoding: "utf8",
    });
    expect(report).not.toMatch(/damage/i);
  }
});
