// Goal: a blob is what its name says or is not there; a source is asked to wait while the disk is slow, and never waits for ever.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AnnouncedBytes } from "../../src/blobs/announcedBytes.ts";
import { BlobStore } from "../../src/blobs/blobStore.ts";
import { DiskFloor } from "../../src/disk/diskFloor.ts";
import { temporaryDirectory } from "../support/directory.ts";

const CHUNK_BYTES = 64;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function open(directory: string, minFreeBytes = 1): Promise<BlobStore> {
  await BlobStore.sweep(directory);
  const floor = new DiskFloor(directory, minFreeBytes);
  return new BlobStore({ directory, floor, chunkBytes: CHUNK_BYTES });
}

async function save(
  blobs: BlobStore,
  digest: string,
  bytes: Uint8Array,
  announced = bytes.length,
): Promise<string> {
  const writer = blobs.begin(digest, announced);
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (!writer.write(bytes.subarray(at, at + CHUNK_BYTES))) await writer.ready();
  }
  return writer.finish().then(
    () => "saved",
    (error: { code: string }) => error.code,
  );
}

async function contents(blobs: BlobStore, digest: string, from = 0): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of blobs.read(digest, from)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Files that no blob stands for. */
function leftovers(directory: string): readonly string[] {
  const path = join(directory, "blobs", "unfinished");
  return existsSync(path) ? readdirSync(path) : [];
}

describe("a blob", () => {
  test.each([0, 1, CHUNK_BYTES, 10_000])("of %i bytes is there once it is saved", async (size) => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory);
    const bytes = Uint8Array.from({ length: size }, (_, k) => k % 255);
    const digest = sha256(bytes);
    expect(blobs.missing([digest])).toEqual([digest]);
    expect(await save(blobs, digest, bytes)).toBe("saved");
    expect(blobs.missing([digest])).toEqual([]);
    expect(await blobs.find(digest)).toEqual({ digest, bytes: size });
    expect(await contents(blobs, digest)).toEqual(Buffer.from(bytes));
    const middle = Math.floor(size / 2);
    expect(await contents(blobs, digest, middle)).toEqual(Buffer.from(bytes.subarray(middle)));
    expect(leftovers(directory)).toEqual([]);
    expect((await open(directory)).has(digest)).toBe(true);
  });

  test("may be saved twice at once, and leaves nothing beside it", async () => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory);
    const bytes = new Uint8Array(500);
    const digest = sha256(bytes);
    const results = await Promise.all([save(blobs, digest, bytes), save(blobs, digest, bytes)]);
    expect(results).toEqual(["saved", "saved"]);
    expect(await save(blobs, digest, bytes)).toBe("saved");
    expect(leftovers(directory)).toEqual([]);
    expect(await contents(blobs, digest)).toEqual(Buffer.from(bytes));
  });

  const bytes = new Uint8Array(300).fill(7);
  test.each([
    ["of other bytes", sha256(Uint8Array.of(1)), bytes, 300, "ERR_BLOB_DIGEST"],
    ["that ends early", sha256(bytes), bytes, 301, "ERR_BLOB_SIZE"],
    ["that goes on", sha256(bytes), bytes, 299, "ERR_BLOB_SIZE"],
  ])("%s is refused and leaves nothing", async (_, digest, sent, announced, code) => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory);
    expect(await save(blobs, digest, sent, announced)).toBe(code);
    expect(blobs.has(digest)).toBe(false);
    expect(leftovers(directory)).toEqual([]);
  });

  test.each(["../../etc/passwd", "AB".repeat(32), "ab", ""])("is never named %j", async (name) => {
    const blobs = await open(await temporaryDirectory());
    const named = expect.objectContaining({ code: "ERR_BLOB_NAME" });
    expect(() => blobs.begin(name, 1)).toThrow(named);
    await expect(blobs.find(name)).rejects.toMatchObject({ code: "ERR_BLOB_NAME" });
    expect(() => blobs.read(name)).toThrow(named);
  });

  test("that would fill the disk is not begun", async () => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory, 2 ** 60);
    expect(() => blobs.begin(sha256(bytes), 300)).toThrow(
      expect.objectContaining({ code: "ERR_DISK_FULL" }),
    );
    expect(leftovers(directory)).toEqual([]);
  });

  test("that a crash left unfinished is gone after the next start", async () => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory);
    const writer = blobs.begin(sha256(bytes), 300);
    if (!writer.write(bytes.subarray(0, 100))) await writer.ready();
    expect(leftovers(directory).length).toBe(1);
    await open(directory);
    expect(leftovers(directory)).toEqual([]);
    await writer.abort();
  });
});

describe("a source that waits", () => {
  const bytes = new Uint8Array(100 * CHUNK_BYTES);

  test("goes on when the disk has caught up", async () => {
    const blobs = await open(await temporaryDirectory());
    const writer = blobs.begin(sha256(bytes), bytes.length);
    let waits = 0;
    let most = 0;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const more = writer.write(bytes.subarray(at, at + CHUNK_BYTES));
      most = Math.max(most, writer.waitingBytes);
      if (more) continue;
      waits += 1;
      await writer.ready();
    }
    await writer.finish();
    expect(waits).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(2 * CHUNK_BYTES);
  });

  test("goes on when the save is given up", async () => {
    const blobs = await open(await temporaryDirectory());
    const writer = blobs.begin(sha256(bytes), bytes.length);
    expect(writer.write(bytes)).toBe(false);
    const ready = writer.ready();
    await writer.abort();
    await ready;
    await writer.abort();
    await writer.ready();
    expect(writer.write(bytes)).toBe(true);
  });

  test("learns at the end that its directory is gone", async () => {
    const directory = await temporaryDirectory();
    const blobs = await open(directory);
    const writer = blobs.begin(sha256(bytes), bytes.length);
    rmSync(join(directory, "blobs"), { recursive: true });
    if (!writer.write(bytes)) await writer.ready();
    await expect(writer.finish()).rejects.toMatchObject({
      code: "ERR_BLOB_NOT_SAVED",
      retryable: true,
    });
  });
});

test("announced bytes count until they are in the file, not until they are handed over", async () => {
  const directory = await temporaryDirectory();
  const announced = new AnnouncedBytes();
  const floor = new DiskFloor(directory, 1, () => 0, announced);
  const blobs = new BlobStore({ directory, floor, chunkBytes: CHUNK_BYTES });
  const bytes = new Uint8Array(10 * CHUNK_BYTES);
  const writer = blobs.begin(sha256(bytes), bytes.length);
  expect(announced.bytes).toBe(bytes.length);
  // Nothing can have reached the file within one turn.
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
    writer.write(bytes.subarray(at, at + CHUNK_BYTES));
  expect(announced.bytes).toBe(bytes.length);
  await writer.finish();
  expect(announced.bytes).toBe(0);
});

test("an announcement that was given up counts no more", async () => {
  const directory = await temporaryDirectory();
  const announced = new AnnouncedBytes();
  const floor = new DiskFloor(directory, 1, () => 0, announced);
  const blobs = new BlobStore({ directory, floor, chunkBytes: CHUNK_BYTES });
  const [one, other] = ["a", "b"].map((digit) => blobs.begin(digit.repeat(64), 1000));
  one?.write(new Uint8Array(300));
  await one?.abort();
  await one?.abort();
  expect(announced.bytes).toBe(1000);
  await other?.abort();
  expect(announced.bytes).toBe(0);
});
