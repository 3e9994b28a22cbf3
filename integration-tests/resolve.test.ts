/**
 * Goal: a log that has diverged has a way out: the copy that somebody chose is the log of all nodes, nothing of another copy comes back, and
 * nothing is deleted. Method: real processes; the disks of a quorum are put back, and `annals log resolve` is run on every stopped node, or
 * once against the cluster, while a node is down.
 */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { ENTRY, TestCluster, until } from "./support/cluster.ts";
import { append, logIdOf, putQuorumBack, stopAll } from "./support/divergence.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

async function annals(...argv: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [ENTRY, ...argv]);
  return stdout;
}

const resolveLog = (id: string, log: string, ...more: readonly string[]): Promise<string> =>
  annals("log", "resolve", log, "--data", cluster.dataOf(id), ...more);

async function seqsAndTimes(id: string): Promise<readonly unknown[]> {
  const records = await cluster.localRecords(id);
  return records.map(({ seq, recordedAt }) => ({ seq, recordedAt }));
}

it("keeps the copy of one node on all, and puts the others aside", async () => {
  cluster = await TestCluster.start();
  await putQuorumBack(cluster);
  const [kept = "", ...others] = cluster.ids;
  const before = await seqsAndTimes(kept);
  expect(before).toHaveLength(6);
  await expect(resolveLog(kept, "audit")).rejects.toMatchObject({
    stderr: expect.stringContaining("ERR_DATA_IN_USE"),
  });
  await stopAll(cluster);

  const shown = JSON.parse(await resolveLog(kept, "audit", "-o", "json"));
  expect(shown.items).toMatchObject([{ node: kept, log: "audit", copy: { lastSeq: 6 } }]);
  await expect(resolveLog(kept, "audit", "--keep", kept)).rejects.toMatchObject({
    stderr: expect.stringContaining("--yes"),
  });
  for (const log of ["audit", "_system"])
    for (const id of cluster.ids) await resolveLog(id, log, "--keep", kept, "--yes");

  // Emptied nodes alone are a quorum, and must not begin a history of their own.
  for (const id of others) cluster.spawn(id);
  for (const id of others) {
    const waits = await until(async () =>
      (await cluster.status(id))?.reasons.find((reason) => reason.includes("audit: its copy was")),
    );
    expect(waits).toContain("gives no vote");
  }
  cluster.spawn(kept);
  await cluster.untilReady();
  await append(cluster, 2);
  await cluster.untilConverged();
  for (const id of cluster.ids) {
    const after = await seqsAndTimes(id);
    expect(after).toHaveLength(8);
    expect(after.slice(0, 6)).toEqual(before);
  }
  await stopAll(cluster);
  for (const id of cluster.ids) await expectSound(id, id === kept ? 0 : 2);
});

/** The disk of a stopped node is sound, and so many copies lie aside. */
async function expectSound(id: string, aside: number): Promise<void> {
  const { items } = JSON.parse(await annals("fsck", cluster.dataOf(id), "-o", "json"));
  expect(items.flatMap(({ problems }: { problems: unknown[] }) => problems)).toEqual([]);
  const names = await readdir(join(cluster.dataOf(id), "logs"));
  expect(names.filter((name) => name.includes(".aside-"))).toHaveLength(aside);
}

it("keeps the copy of one node by a decision of the cluster, also on a node that is down", async () => {
  cluster = await TestCluster.start();
  await putQuorumBack(cluster, await logIdOf(cluster));
  const [kept = "", other = "", down = ""] = cluster.ids;
  const before = await seqsAndTimes(kept);
  expect(before).toHaveLength(6);
  await cluster.kill(down);
  await cluster.leader("_system");
  const online = (...argv: readonly string[]): Promise<string> =>
    annals("log", "resolve", ...argv, "--yes", "--url", cluster.url(other));
  await expect(online("_system", "--keep", kept)).rejects.toMatchObject({
    stderr: expect.stringContaining("ERR_RESOLVE_OFFLINE"),
  });
  await expect(online("audit", "--keep", down)).rejects.toMatchObject({
    stderr: expect.stringContaining("ERR_COPY_UNAVAILABLE"),
  });
  await expect(online("audit", "--keep", kept, "--wait", "5s")).rejects.toMatchObject({
    code: 4,
    stderr: expect.stringMatching(
      new RegExp(`node ${kept} has carried it out[^]*not carried out yet on ${down} \\(`),
    ),
  });
  await expect(online("audit", "--keep", other)).rejects.toMatchObject({
    stderr: expect.stringContaining("ERR_DECISION_OPEN"),
  });

  await append(cluster, 2, kept, other);
  await cluster.untilConverged("audit", [kept, other]);
  cluster.spawn(down);
  await until(async () => {
    const status = await cluster.status(kept);
    return status?.logs.find(({ name }) => name === "audit")?.decision?.waitsFor.length === 0;
  });
  await cluster.untilConverged();
  const shown = await annals("log", "resolve", "audit", "--url", cluster.url(down), "-o", "json");
  expect(JSON.parse(shown).items).toMatchObject(
    cluster.ids.map((node) => ({ node, copy: { lastSeq: 8, decision: { carriedOut: true } } })),
  );
  for (const id of cluster.ids) {
    const after = await seqsAndTimes(id);
    expect(after).toHaveLength(8);
    expect(after.slice(0, 6)).toEqual(before);
  }
  await stopAll(cluster);
  for (const id of cluster.ids) await expectSound(id, id === kept ? 0 : 1);
});
