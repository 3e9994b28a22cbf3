/**
 * Goal: nodes whose disks are full or read-only start, serve what they have, say why they take nothing, and go on by themselves when the
 * disks are well. Method: three nodes, each on a small file system of its own, all of them refused at once.
 */
import { execFileSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";
import { problems, SerialWorkload } from "./support/workload.ts";

const IDS = ["a", "b", "c"] as const;
const CONFIG = "storage: { minFreeBytes: 1MiB }\n";

let cluster: TestCluster | undefined;
let mounted: string[] = [];

function mount(): string {
  const directory = mkdtempSync(join(tmpdir(), "annals-refuses-"));
  const options = ["-t", "tmpfs", "-o", "size=24m", "annals-test", directory];
  try {
    execFileSync("mount", options, { stdio: "ignore" });
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
  mounted.push(directory);
  return directory;
}

function unmountAll(): void {
  for (const directory of mounted) {
    execFileSync("umount", [directory]);
    rmSync(directory, { recursive: true });
  }
  mounted = [];
}

/** False where this user may not mount; that is told, because what is skipped must be seen. */
function mayMount(): boolean {
  try {
    mount();
    return true;
  } catch {
    console.warn("MOUNT NOT PERMITTED: the tests of nodes on full disks are SKIPPED");
    return false;
  } finally {
    unmountAll();
  }
}

const permitted = mayMount();

afterEach(async (context) => {
  await cluster?.closeAfter(context);
  cluster = undefined;
  unmountAll();
});

const filler = (directory: string): string => join(directory, "filler");

function fill(directory: string): void {
  const file = openSync(filler(directory), "w");
  const writeToTheEnd = (): void => {
    for (;;) writeSync(file, new Uint8Array(64 * 1024));
  };
  expect(writeToTheEnd).toThrow("ENOSPC");
  closeSync(file);
}

const REFUSALS = [
  { what: "full", errno: "ENOSPC", refuse: fill, mend: (at: string) => rmSync(filler(at)) },
  {
    what: "read-only",
    errno: "EROFS",
    refuse: (at: string) => execFileSync("mount", ["-o", "remount,ro", at]),
    mend: (at: string) => execFileSync("mount", ["-o", "remount,rw", at]),
  },
] as const;

it.skipIf(!permitted).each(REFUSALS)(
  "nodes that start on disks that are $what serve reads, refuse appends with the reason, and go on by themselves",
  async ({ errno, refuse, mend }) => {
    const data = { a: mount(), b: mount(), c: mount() };
    cluster = await TestCluster.start({ config: CONFIG, data });
    const nodes = cluster;
    await nodes.untilReady();
    const workload = new SerialWorkload(nodes.client(), "audit", 100);
    await workload.run(20);
    await nodes.untilConverged();
    // A clean end writes down how far the log is committed, and so what a node may show by itself.
    for (const id of IDS) await nodes.stop(id);
    for (const id of IDS) refuse(data[id]);
    for (const id of IDS) nodes.spawn(id, { env: { ANNALS_DATA: data[id] } });

    for (const id of IDS) {
      await until(async () => {
        const reasons = (await nodes.status(id))?.reasons ?? [];
        const told = reasons.find((one) => one.includes("log audit") && one.includes(errno));
        return told?.includes(data[id]) ?? false;
      });
      const records = await until(() => nodes.localRecords(id).catch(() => undefined));
      expect(problems(records, workload.acknowledged), `node ${id}`).toEqual([]);
    }
    const refused = await fetch(`${nodes.url("a")}/v1/logs/audit/records`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ actor: { id: "u" }, action: "refused" }),
    });
    expect([503, 507]).toContain(refused.status);
    expect(await refused.json()).toMatchObject({ retryable: true });
    expect(nodes.running()).toEqual(IDS);
    for (const id of IDS) expect(await nodes.logText(id)).not.toContain("damage");

    for (const id of IDS) mend(data[id]);
    await nodes.untilReady();
    await workload.run(5);
    await nodes.untilConverged();
    for (const id of IDS)
      expect(problems(await nodes.localRecords(id), workload.acknowledged)).toEqual([]);
    expect(nodes.running()).toEqual(IDS);
  },
);
