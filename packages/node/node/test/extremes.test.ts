/**
 * Goal: with every count and size at its least or its greatest legal value, any two of them together, on nodes that differ from each other,
 * records and attachments reach every node, and no node says that a bound did not hold. Method: real nodes, the leader of which goes away and comes back.
 */
import { createHash, randomBytes } from "node:crypto";
import { seededRandom } from "@annals/kit";
import { expect, it } from "vitest";
import { flagsOf, pairwise } from "./extremes.ts";
import { TestCluster } from "./testCluster.ts";

/** Of the random rows: any will do, and this one finds few groups. */
const SEED = 21;

/** More than a follower may have in flight with the least of everything. */
const APPENDS = 30;

/** Saves an attachment; returns what a record says of it. */
async function upload(cluster: TestCluster): Promise<object> {
  const body = randomBytes(700);
  const sha256 = createHash("sha256").update(body).digest("hex");
  await cluster.untilTaken(`/v1/logs/audit/blobs/${sha256}`, { method: "PUT", body });
  return { attachments: [{ sha256, bytes: body.length }] };
}

async function violations(cluster: TestCluster, id: string): Promise<readonly string[]> {
  const response = await fetch(`${cluster.url(id)}/v1/cluster`);
  return ((await response.json()) as { memory: { violations: string[] } }).memory.violations;
}

const groups = pairwise(3, seededRandom(SEED));

it.each(groups.map((rows, k) => [k + 1, groups.length, rows] as const))(
  "group %i of %i",
  { timeout: 60_000 },
  async (_k, _of, rows) => {
    const all = flagsOf(rows);
    const flags = (id: string) => ({
      ...all["abc".indexOf(id)],
      "memory.limit": "16TiB",
      "workers.count": "1",
    });
    const cluster = await TestCluster.start(1 << 20, "", flags);
    try {
      await cluster.untilReady();
      await cluster.append(["at first"], await upload(cluster));
      // Another one leads, and this one catches up.
      const away = await cluster.leader();
      await cluster.stop(away);
      await cluster.append(["away"], await upload(cluster));
      for (let k = 1; k <= APPENDS; k++) await cluster.append([`append ${k}`]);
      await cluster.spawn(away);
      await cluster.untilConverged();
      for (const id of cluster.ids) {
        expect(await violations(cluster, id)).toEqual([]);
        const { actions } = await cluster.read(id);
        expect(actions).toEqual(expect.arrayContaining(["at first", "away", `append ${APPENDS}`]));
      }
      expect(cluster.lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    } finally {
      await cluster.close();
    }
  },
);
