/**
 * Goal: no acknowledgement before a quorum has flushed, and none at all of what a failed flush was to write. Method: a shim, preloaded into the
 * nodes, holds fdatasync or makes it fail.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readdir, rename } from "node:fs/promises";
import { afterAll, afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { problems, SerialWorkload } from "./support/workload.ts";

const directory = mkdtempSync(join(tmpdir(), "annals-hold-"));
const library = buildShim();
let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));
afterAll(() => rmSync(directory, { recursive: true }));

/** The compiled shim; undefined without a C compiler, said loudly, because what is skipped must be seen. */
function buildShim(): string | undefined {
  const target = join(directory, "flushShim.so");
  const source = join(import.meta.dirname, "support/flushShim.c");
  try {
    execFileSync("cc", ["-shared", "-fPIC", "-o", target, source, "-ldl"]);
    return target;
  } catch {
    console.warn("NO C COMPILER: the test that holds fdatasync is SKIPPED");
    return undefined;
  }
}

function holdFile(id: string): string {
  return join(directory, `hold-${id}`);
}

function hold(id: string): void {
  rmSync(`${holdFile(id)}.entered`, { force: true });
  writeFileSync(holdFile(id), "");
}

function letGo(id: string): void {
  rmSync(holdFile(id), { force: true });
}

it.skipIf(library === undefined)("acknowledges only what a quorum has flushed", async () => {
  cluster = await TestCluster.start({
    env: (id) => ({ LD_PRELOAD: library ?? "", ANNALS_HOLD_FLUSH: holdFile(id) }),
  });
  await cluster.untilReady();
  const leader = await cluster.leader();
  const followers = cluster.ids.filter((id) => id !== leader);
  const client = cluster.client(leader);
  await client.append("audit", { actor: { id: "u" }, action: "before" });

  for (const id of followers) hold(id);
  let acknowledged = false;
  const append = client.append("audit", { actor: { id: "u" }, action: "held" }).then((reply) => {
    acknowledged = true;
    return reply;
  });
  await until(() => followers.every((id) => existsSync(`${holdFile(id)}.entered`)));
  // The leader has flushed, both followers are inside fdatasync; the leader answers other questions meanwhile.
  await until(async () => {
    const audit = (await cluster.status(leader))?.logs.find((log) => log.name === "audit");
    const own = audit?.replicas.find((replica) => replica.node === leader);
    return own?.matchIndex !== undefined && own.matchIndex > (audit?.commitIndex ?? 0);
  });
  expect(acknowledged).toBe(false);

  letGo(followers[0] ?? "");
  expect((await append).firstSeq).toBe(2);
  letGo(followers[1] ?? "");
  await cluster.untilConverged();
});

it.skipIf(library === undefined)(
  "a log whose flush fails is opened again on a new file, the node goes on, and nothing is lost",
  async () => {
    cluster = await TestCluster.start({
      env: (id) => ({ LD_PRELOAD: library ?? "", ANNALS_HOLD_FLUSH: holdFile(id) }),
    });
    await cluster.untilReady();
    const leader = await cluster.leader();
    const workload = new SerialWorkload(cluster.client(), "audit", 10);
    await workload.run(200, (sent) => {
      if (sent === 50) writeFileSync(`${holdFile(leader)}.fail`, "");
    });
    const failing = async (): Promise<boolean> =>
      (await cluster.status(leader))?.reasons.some((reason) => reason.includes("EIO")) ?? false;
    await until(failing);
    expect(cluster.running()).toContain(leader);
    expect(await cluster.logText(leader)).toContain("ERR_STORAGE_FAILED");
    rmSync(`${holdFile(leader)}.fail`);
    await until(async () => !(await failing()));
    await cluster.untilReady();
    const { lastSeq } = await cluster.untilConverged();
    expect(lastSeq).toBe(2000);
    for (const id of cluster.ids) {
      expect(problems(await cluster.localRecords(id), workload.acknowledged), `node ${id}`).toEqual(
        [],
      );
    }
  },
);

/** Puts what has reached the disk in the place of what the processes had in memory. */
async function cutPower(data: string): Promise<void> {
  const names = await readdir(data, { recursive: true });
  for (const name of names.filter((one) => one.endsWith(".durable")))
    await rename(join(data, name), join(data, name.slice(0, -".durable".length)));
}

it.skipIf(library === undefined)(
  "a flush that has failed is not repeated on the same open file, where it would succeed over nothing",
  async () => {
    const env = {
      LD_PRELOAD: library ?? "",
      ANNALS_HOLD_FLUSH: holdFile("a"),
      ANNALS_KEPT_BELOW: tmpdir(),
    };
    cluster = await TestCluster.start({ nodes: ["a"], env: () => env });
    await cluster.untilReady();
    const workload = new SerialWorkload(cluster.client(), "audit", 10);
    await workload.run(20, (sent) => {
      if (sent === 5) writeFileSync(`${holdFile("a")}.once`, "");
    });
    expect(existsSync(`${holdFile("a")}.once`)).toBe(false);
    await cluster.kill("a");
    await cutPower(cluster.dataOf("a"));
    cluster.spawn("a");
    await cluster.untilReady();
    expect(workload.acknowledged.length).toBe(20);
    expect(problems(await cluster.localRecords("a"), workload.acknowledged)).toEqual([]);
    expect(await cluster.logText("a")).toContain("a write failed: the log is closed");
  },
);
