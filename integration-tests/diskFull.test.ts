/**
 * Goal: a full disk refuses with a clear error and loses nothing, on a follower and on the leader. Method: a tmpfs of a few MiB as the data
 * directory of one node; where mounting is not permitted, a floor above what is free.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { problems, SerialWorkload } from "./support/workload.ts";

let cluster: TestCluster;
let mounted: string | undefined;

/** A small file system, or undefined where this user may not mount one. */
function smallDisk(mebibytes: number): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), "annals-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "annals-test", directory], {
      stdio: "ignore",
    });
    mounted = directory;
    return directory;
  } catch {
    rmSync(directory, { recursive: true });
    return undefined;
  }
}

afterEach(async (context) => {
  await cluster.closeAfter(context);
  if (mounted !== undefined) {
    execFileSync("umount", [mounted]);
    rmSync(mounted, { recursive: true });
    mounted = undefined;
  }
});

const SMALL_DISK_MIB = 24;
const CONFIG = "storage: { minFreeBytes: 8MiB }\n";
const RECORDS_PER_REQUEST = 1000;

/** Starts three nodes of which `small` has little room; its disk is full after some 15 MiB. */
async function startWithSmallDisk(small: string): Promise<void> {
  const disk = smallDisk(SMALL_DISK_MIB);
  cluster = await TestCluster.start({
    config: CONFIG,
    ...(disk === undefined ? {} : { data: { [small]: disk } }),
  });
  await cluster.untilReady();
}

/** Fills until the small node says that its disk is full. */
async function fill(workload: SerialWorkload, small: string): Promise<number> {
  let requests = 0;
  while (!(await diskFull(small))) {
    if (mounted === undefined) {
      // Not permitted to mount: the floor is raised above what is free instead.
      await cluster.kill(small);
      cluster.spawn(small, { env: { ANNALS_STORAGE_MIN_FREE_BYTES: "1000000GiB" } });
      await cluster.untilReady(small);
    }
    await workload.run(10);
    requests += 10;
  }
  return requests;
}

async function diskFull(id: string): Promise<boolean> {
  const status = await cluster.status(id);
  return status?.reasons.some((reason) => reason.includes("disk")) ?? false;
}

it("a follower with a full disk stops acknowledging, the cluster goes on, and it catches up when there is room", async () => {
  await startWithSmallDisk("c");
  if ((await cluster.leader()) === "c") await cluster.client("c").transferLeadership("audit", "a");
  await until(async () => (await cluster.leader()) !== "c");
  const workload = new SerialWorkload(cluster.client("a", "b"), "audit", RECORDS_PER_REQUEST);
  let requests = await fill(workload, "c");
  await workload.run(10);
  requests += 10;
  expect(cluster.running()).toEqual(["a", "b", "c"]);
  await moreRoom("c");
  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe(requests * RECORDS_PER_REQUEST);
  expect(problems(await cluster.localRecords("c"), workload.acknowledged)).toEqual([]);
});

it("a leader with a full disk hands over, refuses with ERR_DISK_FULL meanwhile, and nothing is lost", async () => {
  await startWithSmallDisk("a");
  if ((await cluster.leader()) !== "a")
    await cluster.client(await cluster.leader()).transferLeadership("audit", "a");
  await until(async () => (await cluster.leader()) === "a");
  const workload = new SerialWorkload(cluster.client(), "audit", RECORDS_PER_REQUEST);
  const requests = await fill(workload, "a");
  await until(async () => (await cluster.leader("audit", ["b", "c"])) !== "a");
  await workload.run(5);
  await moreRoom("a");
  const { lastSeq } = await cluster.untilConverged();
  expect(lastSeq).toBe((requests + 5) * RECORDS_PER_REQUEST);
  for (const id of cluster.ids) {
    expect(problems(await cluster.localRecords(id), workload.acknowledged), `node ${id}`).toEqual(
      [],
    );
  }
});

async function moreRoom(id: string): Promise<void> {
  if (mounted !== undefined) {
    execFileSync("mount", ["-o", "remount,size=512m", mounted]);
    return;
  }
  await cluster.kill(id);
  cluster.spawn(id);
  await cluster.untilReady(id);
}
