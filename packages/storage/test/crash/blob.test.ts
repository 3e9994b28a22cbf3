// Goal: at whatever moment the process dies or the power fails, a blob is on disk whole or not at all, and stays once it was acknowledged.
// Method: a library preloaded into the writer copies the directory at every write, flush and rename; each copy is opened.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BlobStore, DiskFloor } from "@annals/storage";
import { keptDirectory } from "../support/keptDirectory.ts";
import { DurableImage } from "./powerLoss.ts";
import { buildShim, Writer } from "./shim.ts";

const root = keptDirectory();
const library = buildShim(root.path);
const SLOW = { timeout: 30_000 };

/** The blobs that a restart finds, each of which must be what its name says. */
async function found(directory: string): Promise<readonly string[]> {
  await BlobStore.sweep(directory);
  const floor = new DiskFloor(directory, 1);
  const blobs = new BlobStore({ directory, floor, chunkBytes: 1024 });
  const digests: string[] = [];
  for await (const { digest } of blobs.list()) {
    const hash = createHash("sha256");
    for await (const chunk of blobs.read(digest)) hash.update(chunk);
    expect(hash.digest("hex")).toBe(digest);
    expect(blobs.has(digest)).toBe(true);
    digests.push(digest);
  }
  return digests;
}

describe.skipIf(library === undefined)("saving a blob", () => {
  async function traced(): Promise<{ writer: Writer; directory: string }> {
    const directory = join(root.path, `log-${readdirSync(root.path).length}`);
    mkdirSync(directory);
    const work = join(root.path, `work-${readdirSync(root.path).length}`);
    const writer = new Writer(library ?? "", work, "blob", directory, { snapshots: true });
    expect(await writer.exited).toBe(0);
    return { writer, directory };
  }

  test("by a process that dies at any point", SLOW, async () => {
    const { writer } = await traced();
    let acked: string[] = [];
    const seen = new Set<string>();
    for (const line of writer.lines()) {
      if (line.startsWith("acked ")) acked = [line.slice(6)];
      if (!line.startsWith("snapshot ")) continue;
      const digests = await found(join(writer.snapshots, line.slice(9)));
      expect(digests).toEqual(expect.arrayContaining(acked));
      seen.add(`${digests.length} saved, ${acked.length} acknowledged`);
    }
    expect(acked.length).toBe(1);
    expect(seen).toContain("0 saved, 0 acknowledged");
    expect(seen).toContain("1 saved, 0 acknowledged");
  });

  test("with a power cut at any point", SLOW, async () => {
    const directory = join(root.path, "cut");
    mkdirSync(directory);
    const image = new DurableImage(directory);
    const work = join(root.path, "cut-work");
    const writer = new Writer(library ?? "", work, "blob", directory, { snapshots: true });
    expect(await writer.exited).toBe(0);
    let pending: string[] = [];
    let last: readonly string[] = [];
    let snapshot = 0;
    for (const line of writer.lines()) {
      if (/^(synced|patched|renamed) /.test(line)) pending.push(line);
      if (!line.startsWith("snapshot ")) continue;
      const name = line.slice(9);
      for (const change of pending) image.apply(change, join(writer.snapshots, name));
      pending = [];
      const target = join(root.path, `found-${snapshot++}`);
      image.write(target);
      last = await found(target);
    }
    expect(last.length).toBe(1);
    expect(snapshot).toBeGreaterThan(8);
  });
});
