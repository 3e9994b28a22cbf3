/**
 * Goal: a damaged log comes back from the other nodes, whole, and nobody is served a wrong byte meanwhile. Method: three real nodes in this
 * process; bytes of their files are changed, while they are stopped or under a running one.
 */
import { mkdir, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { until } from "@annals/fake-server";
import { fsckNode } from "@annals/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestCluster } from "./testCluster.ts";

const LIMIT = { timeout: 120_000 };
const ACTIONS = Array.from({ length: 60 }, (_, k) => `action-${String(k).padStart(4, "0")}-x`);

let cluster: TestCluster;

beforeEach(async () => {
  // Small segments: most entries are in sealed ones.
  cluster = await TestCluster.start(256 * 1024, "workers: { count: 1 }\n");
  await cluster.untilReady();
  for (let k = 0; k < ACTIONS.length; k += 5) await cluster.append(ACTIONS.slice(k, k + 5));
  await cluster.untilConverged();
}, LIMIT.timeout);

afterEach(async (context) => {
  if (context.task.result?.state === "fail")
    console.error(cluster.lines.map((line) => JSON.stringify(line)).join("\n"));
  await cluster.close();
}, LIMIT.timeout);

async function follower(): Promise<string> {
  const leader = await cluster.leader();
  return cluster.ids.find((id) => id !== leader) ?? "";
}

async function memberOf(id: string): Promise<number> {
  const text = await readFile(join(cluster.dataOf(id), "node.json"), "utf8");
  return (JSON.parse(text) as { member: number }).member;
}

async function damagedIn(id: string): Promise<readonly unknown[]> {
  const reports = await fsckNode(cluster.dataOf(id));
  return reports.flatMap(({ problems }) => problems.filter(({ kind }) => kind === "damage"));
}

/** All nodes hold all that was appended, in order, and go on. */
async function expectWhole(): Promise<void> {
  await cluster.untilReady();
  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe(ACTIONS.length);
  for (const id of cluster.ids)
    expect(await cluster.read(id)).toEqual({ status: 200, actions: ACTIONS });
  const told = new Set(cluster.lines.map((line) => line["msg"]));
  expect(told).not.toContain("this node cannot go on");
}

describe("a damaged log", () => {
  it("is repaired at the start, under the same member id", LIMIT, async () => {
    const id = await follower();
    const member = await memberOf(id);
    await cluster.stop(id);
    expect(await cluster.rot(id, "action-0007-x")).toBeGreaterThan(0);
    await cluster.spawn(id);
    await expectWhole();
    expect(await memberOf(id)).toBe(member);
    expect(cluster.lines.map((line) => line["msg"])).toContain("log repaired");
    await cluster.stop(id);
    expect(await damagedIn(id)).toEqual([]);
    await cluster.spawn(id);
  });

  it(
    "is repaired on all nodes from each other, when each is damaged elsewhere",
    LIMIT,
    async () => {
      await cluster.stop(...cluster.ids);
      // Five records are an entry.
      for (const [k, id] of cluster.ids.entries())
        for (const which of [5 * k, 25 + 5 * k, 45 + 5 * k])
          expect(await cluster.rot(id, ACTIONS[which] ?? "")).toBeGreaterThan(0);
      await cluster.startAll();
      await expectWhole();
      const repaired = cluster.lines.filter((line) => line["msg"] === "log repaired");
      expect(new Set(repaired.map((line) => line["node"]))).toEqual(new Set(cluster.ids));
    },
  );

  it("stays closed while nobody has its entries, and says which", LIMIT, async () => {
    await cluster.stop(...cluster.ids);
    for (const id of cluster.ids) await cluster.rot(id, "action-0007-x");
    await cluster.startAll();
    for (const id of cluster.ids) {
      await until(async () =>
        /no node has entries \d+ to \d+/.test(await cluster.reasons(id)) ? true : undefined,
      );
      expect(await cluster.read(id)).toMatchObject({ status: 503, code: "ERR_LOG_REPAIRING" });
    }
  });

  it("waits for room to be rebuilt in, and is kept as it is until then", LIMIT, async () => {
    const id = await follower();
    await cluster.stop(id);
    expect(await cluster.rot(id, "action-0007-x")).toBeGreaterThan(0);
    cluster.minFreeBytes = 2 ** 60;
    await cluster.spawn(id);
    await until(async () =>
      /is repairing: .*bytes are free/.test(await cluster.reasons(id)) ? true : undefined,
    );
    await cluster.stop(id);
    expect(await damagedIn(id)).not.toEqual([]);
    cluster.minFreeBytes = undefined;
    await cluster.spawn(id);
    await expectWhole();
  });

  it(
    "is repaired when the leader meets the damage in a read, and nobody sees it",
    LIMIT,
    async () => {
      const leader = await cluster.leader();
      expect(await cluster.rot(leader, "action-0007-x")).toBeGreaterThan(0);
      await cluster.rot(leader, "action-0042-x");
      const first = await cluster.read(leader);
      expect(first).toMatchObject({ status: 503, code: "ERR_LOG_REPAIRING" });
      const next = await until(async () => {
        const answer = await cluster.read(leader);
        return answer.status === 503 ? undefined : answer;
      });
      expect(next).toEqual({ status: 200, actions: ACTIONS });
      await expectWhole();
    },
  );
});

describe("the scrub", () => {
  it(
    "finds what nobody reads, has it repaired, and then lets the old files go",
    LIMIT,
    async () => {
      const id = await follower();
      await cluster.stop(id);
      cluster.scrubInterval = 500;
      await cluster.spawn(id);
      await cluster.untilReady();
      expect(await cluster.rot(id, "action-0007-x")).toBeGreaterThan(0);
      await until(() =>
        cluster.lines.some((line) => line["node"] === id && line["msg"] === "log repaired")
          ? true
          : undefined,
      );
      const [segment = ""] = await cluster.segments(id);
      const asides = async (): Promise<readonly string[]> =>
        (await readdir(join(segment, ".."))).filter((name) => name.endsWith(".damaged"));
      await until(async () => ((await asides()).length === 0 ? true : undefined));
      await expectWhole();
    },
  );
});

describe("an active segment that cannot be read", () => {
  it(
    "is put aside with all of the node's data, and the node comes back as a new member",
    LIMIT,
    async () => {
      const id = await follower();
      const member = await memberOf(id);
      await cluster.stop(id);
      const segment = (await cluster.segments(id)).at(-1) ?? "";
      await truncate(join(segment, "data.mdb"), 8192);
      await cluster.spawn(id);
      await until(async () => {
        // There is no identity while the old one has gone and the new one is not drawn.
        const now = await memberOf(id).catch(() => member);
        return now === member ? undefined : true;
      });
      await expectWhole();
      const names = await readdir(cluster.dataOf(id));
      expect(names.filter((name) => name.startsWith("quarantine-"))).toHaveLength(1);
    },
  );

  it("ends the node when there is a quarantine already", LIMIT, async () => {
    const id = await follower();
    await cluster.stop(id);
    const segment = (await cluster.segments(id)).at(-1) ?? "";
    await truncate(join(segment, "data.mdb"), 8192);
    await mkdir(join(cluster.dataOf(id), "quarantine-old"));
    await cluster.spawn(id);
    expect(await cluster.node(id).closed).toEqual({ code: 74 });
    cluster.lines.length = 0;
  });
});
