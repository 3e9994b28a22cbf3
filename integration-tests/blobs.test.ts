/**
 * Goal: a record that names a blob is acknowledged only when a quorum has both on disk; a follower that was away gets both; memory stays flat
 * while blobs stream. Method: real processes; the files in their data directories are looked at.
 */
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TestCluster, until } from "./support/cluster.ts";

const MIB = 1024 * 1024;
/** Small caps: a blob is many times what may be in memory of it. */
const CONFIG = `
replication:
  append: { maxBytes: 256KiB, maxInflightBytes: 512KiB }
  maxMessageBytes: 512KiB
  receive: { maxQueueBytes: 512KiB }
  blob: { chunkBytes: 64KiB, maxConcurrent: 1 }
batch: { maxBytes: 128KiB }
ingest: { maxRecordBytes: 128KiB }
`;

let cluster: TestCluster;

afterEach((context) => cluster.closeAfter(context));

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function naming(digest: string, bytes: number): string {
  const attachments = [{ sha256: digest, bytes }];
  return JSON.stringify({ actor: { id: "ada" }, action: "file.attached", attachments });
}

async function upload(id: string, bytes: Uint8Array): Promise<string> {
  const digest = sha256(bytes);
  const url = `${cluster.url(id)}/v1/logs/audit/blobs/${digest}`;
  const response = await fetch(url, { method: "PUT", body: bytes });
  expect([200, 201]).toContain(response.status);
  return digest;
}

async function append(id: string, body: string): Promise<number> {
  const response = await fetch(`${cluster.url(id)}/v1/logs/audit/records`, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  await response.arrayBuffer();
  return response.status;
}

/** The blobs that are on a node's own disk, whole, by name. */
async function blobsOnDisk(id: string): Promise<readonly string[]> {
  const logs = join(cluster.dataOf(id), "logs");
  const found: string[] = [];
  for (const file of await readdir(logs, { recursive: true })) {
    const name = file.split("/").at(-1) ?? "";
    if (!/\/blobs\/[0-9a-f]{2}\/[0-9a-f]{64}$/.test(`/${file}`)) continue;
    expect(sha256(await readFile(join(logs, file)))).toBe(name);
    found.push(name);
  }
  return found.toSorted();
}

it("carries blobs to a quorum before their records are acknowledged, and to whoever was away", async () => {
  cluster = await TestCluster.start({ config: CONFIG });
  await cluster.untilReady();
  const leader = await cluster.leader();
  const [away = "", other = ""] = cluster.ids.filter((id) => id !== leader);

  const unknown = sha256(Buffer.from("never uploaded"));
  expect(await append(other, naming(unknown, 14))).toBe(409);

  const digests: string[] = [];
  for (let k = 0; k < 3; k++) {
    const bytes = randomBytes(4 * MIB + k);
    digests.push(await upload(k % 2 === 0 ? other : leader, bytes));
    expect(await append(away, naming(digests.at(-1) ?? "", bytes.length))).toBe(200);
    const holders = await Promise.all(cluster.ids.map((id) => blobsOnDisk(id)));
    const last = digests.at(-1) ?? "";
    expect(holders.filter((held) => held.includes(last)).length).toBeGreaterThanOrEqual(2);
  }
  await until(async () => (await blobsOnDisk(away)).length === 3);

  await cluster.kill(away);
  for (let k = 0; k < 3; k++) {
    const bytes = randomBytes(2 * MIB);
    digests.push(await upload(other, bytes));
    expect(await append(other, naming(digests.at(-1) ?? "", bytes.length))).toBe(200);
  }
  cluster.spawn(away);
  await cluster.untilReady();
  await cluster.untilConverged();
  expect(await blobsOnDisk(away)).toEqual(digests.toSorted());

  for (const id of cluster.ids) {
    const url = `${cluster.url(id)}/v1/logs/audit/blobs/${digests[0]}`;
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(sha256(bytes)).toBe(digests[0]);
    expect(await cluster.logText(id)).not.toMatch(/unhandled|unexpected failure/i);
  }
});
