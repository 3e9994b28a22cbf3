/**
 * Goal: a node whose disk goes back to an earlier state says so, loses nothing that it had acknowledged, and catches up. Method: real
 * processes; the data directory of a follower is copied and put back while the two others run.
 */
import { cp, rm } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

const RECORD = '{"actor":{"type":"user","id":"u"},"action":"test.append"}\n';

async function append(times: number): Promise<void> {
  const bytes = new TextEncoder().encode(RECORD);
  for (let k = 0; k < times; k++)
    await cluster.client().append("audit", { contentType: "application/x-ndjson", bytes });
}

it("says that its disk is older than what it acknowledged, and catches up", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  await append(3);
  await cluster.untilConverged();
  const leader = await cluster.leader();
  const [back = ""] = cluster.ids.filter((id) => id !== leader);
  await cluster.stop(back);
  await cp(cluster.dataOf(back), `${cluster.dataOf(back)}.earlier`, { recursive: true });

  cluster.spawn(back);
  await cluster.untilReady();
  await append(3);
  await cluster.untilConverged();
  await cluster.stop(back);
  await rm(cluster.dataOf(back), { recursive: true });
  await cp(`${cluster.dataOf(back)}.earlier`, cluster.dataOf(back), { recursive: true });

  cluster.spawn(back);
  await until(async () =>
    (await cluster.logText(back)).includes("this disk is older than what it acknowledged"),
  );
  await cluster.untilReady();
  await cluster.untilConverged();
  expect(await cluster.localRecords(back)).toHaveLength(6);
});
