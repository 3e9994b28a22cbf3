// Goal: at whatever moment the process dies or the power fails, a blob is on disk whole or not at all, and stays once it was acknowledged.
// Method: a library preloaded into the writer copies the directory at every write, flush and rename; each copy is opened.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BlobStore } from "../../src/blobs/blobStore.ts";
import { DiskFloor } from "../../src/disk/diskFloor.ts";
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
    const cuts = await cutAtEach(writer, image);
    expect(cuts.at(-1)).toEqual({ digests: [DIGEST], acked: [DIGEST] });
    expect(cuts.length).toBeGreaterThan(8);
  });
});

/** What a restart finds after a power cut at each point, and what had been acknowledged by then, of which nothing may be missing. */
async function cutAtEach(
  writer: Writer,
  image: DurableImage,
): Promise<readonly { readonly digests: readonly string[]; readonly acked: readonly string[] }[]> {
  const cuts: { readonly digests: readonly string[]; readonly acked: readonly string[] }[] = [];
  const acked: string[] = [];
  const cut = async (): Promise<void> => {
    const target = join(root.path, `found-${readdirSync(root.path).length}`);
    image.write(target);
    const digests = await found(target);
    expect(digests).toEqual(expect.arrayContaining(acked));
    cuts.push({ digests, acked: [...acked] });
  };
  let pending: string[] = [];
  for (const line of writer.lines()) {
    if (line.startsWith("acked ")) acked.push(line.slice(6));
    if (/^(synced|patched|renamed) /.test(line)) pending.push(line);
    if (!line.startsWith("snapshot ")) continue;
    const name = line.slice(9);
    for (const change of pending) image.apply(change, join(writer.snapshots, name));
    pending = [];
    await cut();
  }
  // What was acknowledged last was so after the last change.
  await cut();
  return cuts;
}

const BYTES = Uint8Array.from({ length: 3000 }, (_, k) => k % 251);
const DIGEST = createHash("sha256").update(BYTES).digest("hex");
const SHELF = DIGEST.slice(0, 2);

describe.skipIf(library === undefined)("a blob whose name cannot be flushed", () => {
  const told = (writer: Writer): readonly string[] =>
    writer
      .lines()
      .filter((line) => /^(saved|here|acked|swept) /.test(line) || line.startsWith("flushed "));

  async function run(
    scenario: string,
    directory: string,
    control: string,
    snapshots = false,
  ): Promise<Writer> {
    const work = join(root.path, `work-${readdirSync(root.path).length}`);
    const writer = new Writer(library ?? "", work, scenario, directory, { control, snapshots });
    expect(await writer.exited).toBe(0);
    return writer;
  }

  function newDirectory(): string {
    const directory = join(root.path, `log-${readdirSync(root.path).length}`, "unflushed");
    mkdirSync(directory, { recursive: true });
    return directory;
  }

  test.each([SHELF, "blobs", "unflushed"])(
    "in %s is not here, and the repeat flushes everything again",
    SLOW,
    async (name) => {
      const directory = newDirectory();
      const image = new DurableImage(directory);
      const writer = await run("unflushedBlob", directory, `fail ${name}`, true);
      const lines = told(writer);
      const refused = lines.indexOf("saved ERR_BLOB_NOT_SAVED");
      expect(lines.slice(refused)).toEqual([
        "saved ERR_BLOB_NOT_SAVED",
        "here false",
        expect.stringMatching(/^flushed .*-/),
        `flushed ${SHELF}`,
        "flushed blobs",
        "flushed unflushed",
        `acked ${DIGEST}`,
        "here true",
      ]);
      const cuts = await cutAtEach(writer, image);
      expect(cuts.at(-1)).toEqual({ digests: [DIGEST], acked: [DIGEST] });
    },
  );

  test("is flushed by the next start before it is here", SLOW, async () => {
    const directory = newDirectory();
    const fail = `fail ${SHELF}`;
    const givenUp = told(await run("blobGivenUp", directory, fail));
    expect(givenUp.slice(-2)).toEqual(["saved ERR_BLOB_NOT_SAVED", "here false"]);
    const failed = await run("sweep", directory, fail);
    expect(told(failed)).toEqual(["swept ERR_STORAGE_FAILED", "here false"]);
    expect(told(await run("sweep", directory, ""))).toEqual([
      `flushed ${SHELF}`,
      "flushed blobs",
      "flushed unflushed",
      "swept no error",
      "here true",
    ]);
  });
});
