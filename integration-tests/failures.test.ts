/**
 * Goal: every acknowledged record is on every node once, in order, whatever is killed or frozen. Method: the built command as separate
 * processes; a producer of serial numbers; signals; then each node is asked for what it holds itself.
 */
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { problems, SerialWorkload } from "./support/workload.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

async function expectWhole(workload: SerialWorkload, records: number): Promise<void> {
  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe(records);
  for (const id of cluster.running()) {
    expect(problems(await cluster.localRecords(id), workload.acknowledged), `node ${id}`).toEqual(
      [],
    );
  }
}

it("survives kill -9 of the leader in the middle of an import", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const workload = new SerialWorkload(cluster.client(), "audit", 50);
  const leader = await cluster.leader();
  let killed: Promise<void> | undefined;
  await workload.run(200, (sent) => {
    if (sent === 60) killed = cluster.kill(leader);
  });
  await killed;
  expect(workload.acknowledged).toHaveLength(200);
  cluster.spawn(leader);
  await cluster.untilReady();
  await expectWhole(workload, 10_000);
});

it("brings back a follower that missed 100 000 records", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const leader = await cluster.leader();
  const away = cluster.ids.find((id) => id !== leader) ?? "";
  await cluster.kill(away);
  const workload = new SerialWorkload(cluster.client(leader), "audit", 1000);
  await workload.run(100);
  cluster.spawn(away);
  await cluster.untilReady();
  await expectWhole(workload, 100_000);
});

it("keeps everything when all three are killed at once", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const workload = new SerialWorkload(cluster.client(), "audit", 10);
  let killed: Promise<unknown> | undefined;
  const run = workload.run(300, (sent) => {
    if (sent === 150) {
      killed = Promise.all(cluster.ids.map((id) => cluster.kill(id))).then(() => {
        for (const id of cluster.ids) cluster.spawn(id);
      });
    }
  });
  await run;
  await killed;
  await cluster.untilReady();
  await expectWhole(workload, 3000);
});

it("survives a leader that is frozen until another one leads, and thawed", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const leader = await cluster.leader();
  const others = cluster.ids.filter((id) => id !== leader);
  const workload = new SerialWorkload(cluster.client(...others), "audit", 10);
  await workload.run(20);
  const auditOn = async (id: string) =>
    (await cluster.status(id))?.logs.find((log) => log.name === "audit");
  const termBefore = (await auditOn(leader))?.term ?? Number.POSITIVE_INFINITY;
  cluster.signal(leader, "SIGSTOP");
  await workload.run(200);
  const successor = await cluster.leader("audit", others);
  expect(successor).not.toBe(leader);
  cluster.signal(leader, "SIGCONT");
  // It finds out that its term is over, whatever it believed when it was frozen.
  await until(async () => {
    const thawed = await auditOn(leader);
    return thawed?.leader === successor && thawed.term > termBefore;
  });
  await cluster.untilReady();
  await expectWhole(workload, 2200);
});

it("acknowledges nothing without a quorum, says that outcomes are unknown, and serves again when one node is back", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const leader = await cluster.leader();
  const others = cluster.ids.filter((id) => id !== leader);
  const workload = new SerialWorkload(cluster.client(), "audit", 1);
  await workload.run(5);
  await Promise.all(others.map((id) => cluster.kill(id)));
  const lost = await fetch(`${cluster.url(leader)}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": "application/json", "annals-timeout": "1s" },
    body: JSON.stringify({ actor: { id: "lonely" }, action: "test.lonely" }),
  });
  expect(lost.status).toBe(504);
  expect(await lost.json()).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN", retryable: true });
  // Having heard of no quorum for an election timeout, the node knows that it does not lead.
  await until(async () => {
    const audit = (await cluster.status(leader))?.logs.find((log) => log.name === "audit");
    return audit !== undefined && audit.leader === undefined;
  });
  const refused = await fetch(`${cluster.url(leader)}/v1/logs/audit/records`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ actor: { id: "lonely" }, action: "test.lonely" }),
  });
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ code: "ERR_NO_LEADER" });
  const read = await fetch(`${cluster.url(leader)}/v1/logs/audit/records?consistency=local`);
  const { items } = (await read.json()) as { items: { actor: { id: string } }[] };
  expect(items.filter((item) => item.actor.id === "lonely")).toEqual([]);
  cluster.spawn(others[0] ?? "");
  await cluster.untilReady();
  await workload.run(5);
  cluster.spawn(others[1] ?? "");
  await cluster.untilReady();
  await cluster.untilConverged();
  const records = await cluster.localRecords(leader);
  const lonely = records.filter((record) => record.actor.id === "lonely");
  expect(lonely.length).toBeLessThanOrEqual(1);
  expect(records.length - lonely.length).toBe(10);
});

it("stops on SIGTERM within 10 s with exit code 0, without losing what is in flight", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const leader = await cluster.leader();
  const workload = new SerialWorkload(cluster.client(), "audit", 10);
  let stopped: Promise<number | string> | undefined;
  await workload.run(200, (sent) => {
    if (sent === 50) stopped = cluster.stop(leader);
  });
  expect(await stopped).toBe(0);
  cluster.spawn(leader);
  await cluster.untilReady();
  await expectWhole(workload, 2000);
});
