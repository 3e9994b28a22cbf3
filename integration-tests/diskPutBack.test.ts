/**
 * Goal: when the disks of a quorum are put back to an earlier state, the records that were acknowledged since are not overwritten in
 * silence: the log stops and says why, and each node still reads what it has. Method: real processes; the data directories of two of
 * three nodes are copied and put back.
 */
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { putQuorumBack, RECORD } from "./support/divergence.ts";

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

it("stops the log, says why, and leaves what every node has readable", async () => {
  cluster = await TestCluster.start();
  await putQuorumBack(cluster);
  const [kept = "", ...putBack] = cluster.ids;
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
  const status = await cluster.status(kept);
  expect(status?.logs.find(({ name }) => name === "audit")?.diverged?.other.index).toBeGreaterThan(
    0,
  );
  expect((await cluster.client(kept).logs()).map(({ state }) => state)).toContain("diverged");
  expect(await cluster.localRecords(kept)).toHaveLength(6);
  for (const id of putBack) expect(await cluster.localRecords(id)).toHaveLength(4);
});
