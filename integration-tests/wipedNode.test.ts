/**
 * Goal: a node that lost its disk comes back as a new member, never as the voter it was; it is caught up before it votes, and the disk that
 * was lost may not return. Method: real processes; the data directory of one node is moved away and later put back.
 */
import { rename } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { problems, SerialWorkload } from "./support/workload.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

async function rolesOf(id: string): Promise<readonly string[]> {
  const leader = await cluster.leader();
  const status = await cluster.status(leader);
  return (status?.logs ?? []).map(
    (log) => log.replicas.find((one) => one.node === id)?.role ?? "unknown",
  );
}

it("replaces a wiped node by a new incarnation, which then counts in the quorum, and keeps the old disk out", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const workload = new SerialWorkload(cluster.client(), "audit", 100);
  await workload.run(50);
  const leader = await cluster.leader();
  const [lost = "", other = ""] = cluster.ids.filter((id) => id !== leader);

  await cluster.kill(lost);
  await rename(cluster.dataOf(lost), `${cluster.dataOf(lost)}.old`);
  await workload.run(50);
  cluster.spawn(lost);
  await cluster.untilReady();
  await until(async () =>
    (await rolesOf(lost)).every((role) => role === "follower" || role === "leader"),
  );
  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe(10_000);
  expect(problems(await cluster.localRecords(lost), workload.acknowledged)).toEqual([]);

  // Without the other follower, acknowledgements now rest on the newcomer.
  await cluster.kill(other);
  await workload.run(20);
  cluster.spawn(other);
  await cluster.untilReady();
  await cluster.untilConverged();
  for (const id of cluster.ids) {
    expect(problems(await cluster.localRecords(id), workload.acknowledged), `node ${id}`).toEqual(
      [],
    );
  }

  await cluster.kill(lost);
  await rename(cluster.dataOf(lost), `${cluster.dataOf(lost)}.new`);
  await rename(`${cluster.dataOf(lost)}.old`, cluster.dataOf(lost));
  cluster.spawn(lost);
  await until(async () => (await cluster.logText(lost)).includes("ERR_PEER_RETIRED"));
  await workload.run(10);
  expect((await cluster.status(leader))?.linkFaults["ERR_PEER_RETIRED"]).toBeGreaterThan(0);
});
