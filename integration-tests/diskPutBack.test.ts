/**
 * Goal: when the disks of a quorum are put back to an earlier state, the records that were acknowledged since are not overwritten in
 * silence: the log stops and says why, and each node still reads what it has. Method: real processes; the data directories of two of
 * three nodes are copied and put back.
 */
import { cp, rm } from "node:fs/promises";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

const RECORD = '{"actor":{"type":"user","id":"u"},"action":"test.append"}\n';

async function append(times: number, ...ids: readonly string[]): Promise<void> {
  const client = cluster.client(...ids);
  const bytes = new TextEncoder().encode(RECORD);
  for (let k = 0; k < times; k++)
    await client.append("audit", { contentType: "application/x-ndjson", bytes });
}

async function stopAll(): Promise<void> {
  for (const id of cluster.running()) await cluster.stop(id);
}

it("stops the log, says why, and leaves what every node has readable", async () => {
  cluster = await TestCluster.start();
  await cluster.untilReady();
  const [kept = "", ...putBack] = cluster.ids;
  await append(3);
  await cluster.untilConverged();
  await stopAll();
  for (const id of putBack)
    await cp(cluster.dataOf(id), `${cluster.dataOf(id)}.earlier`, { recursive: true });

  for (const id of cluster.ids) cluster.spawn(id);
  await cluster.untilReady();
  await append(3);
  await cluster.untilConverged();
  await stopAll();
  for (const id of putBack) {
    await rm(cluster.dataOf(id), { recursive: true });
    await cp(`${cluster.dataOf(id)}.earlier`, cluster.dataOf(id), { recursive: true });
    cluster.spawn(id);
  }
  await cluster.untilReady(...putBack);
  await append(1, ...putBack);

  cluster.spawn(kept);
  await until(async () => {
    const texts = await Promise.all(cluster.ids.map((id) => cluster.logText(id)));
    return texts.filter((text) => text.includes("its history differs")).length > 1;
  });
  const refused = await until(async () => {
    const response = await fetch(`${cluster.url(kept)}/v1/logs/audit/records`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: RECORD,
      signal: AbortSignal.timeout(5000),
    }).catch(() => undefined);
    const text = (await response?.text()) ?? "";
    return text.includes("ERR_LOG_DIVERGED") ? response : undefined;
  });
  expect(refused?.status).toBe(503);
  expect(await cluster.localRecords(kept)).toHaveLength(6);
  for (const id of putBack) expect(await cluster.localRecords(id)).toHaveLength(4);
});
