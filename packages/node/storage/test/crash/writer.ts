// The process under test of the crash tests: runs one scenario on a log and notes what was acknowledged in SHIM_LOG.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { BlobStore } from "../../src/blobs/blobStore.ts";
import { DiskFloor } from "../../src/disk/diskFloor.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import type { LmdbLogStore } from "../../src/logStore.ts";

const [scenario = "", directory = "", segmentBytes = ""] = process.argv.slice(2);
const log = process.env["SHIM_LOG"] ?? "/dev/null";

function note(line: string): void {
  appendFileSync(log, `${line}\n`);
}

function open(): Promise<LmdbLogStore> {
  return openLogStore({
    directory,
    logId: 1,
    segmentBytes: Number(segmentBytes),
    initial: { membership: SAMPLE_MEMBERSHIP },
    minFreeBytes: 0,
    scanFirst: false,
  });
}

function blobBytes(): Uint8Array {
  return Uint8Array.from({ length: 3000 }, (_, k) => k % 251);
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "no error";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : String(error);
  }
}

/** Notes a line every few milliseconds until `work` is done: the loop must live while the disk does not answer. */
async function whileTurning(work: Promise<void>): Promise<void> {
  const turning = setInterval(() => note("turn"), 5);
  try {
    await work;
  } finally {
    clearInterval(turning);
  }
}

/** Waits until the test has told the shim what to do. */
async function controlled(): Promise<void> {
  while (readFileSync(process.env["SHIM_CONTROL"] ?? "", "utf8") === "")
    await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Tells the shim what to do from now on. */
function control(line: string): void {
  writeFileSync(process.env["SHIM_CONTROL"] ?? "", line);
}

function blobStore(): BlobStore {
  const floor = new DiskFloor(directory, 1);
  return new BlobStore({ directory, floor, chunkBytes: 1024 });
}

const DIGEST = createHash("sha256").update(blobBytes()).digest("hex");

/** Saves one blob in three chunks. */
async function saveBlob(): Promise<void> {
  const bytes = blobBytes();
  const writer = blobStore().begin(DIGEST, bytes.length);
  for (let at = 0; at < bytes.length; at += 1024) {
    if (!writer.write(bytes.subarray(at, at + 1024))) await writer.ready();
  }
  await writer.finish();
  note(`acked ${DIGEST}`);
}

/** What another owner of the directory sees, such as another thread. */
function noteWhetherHere(): void {
  note(`here ${blobStore().has(DIGEST)}`);
}

/** Saves a blob while a directory cannot be flushed, and again when it can. */
async function saveUnflushedBlob(): Promise<void> {
  note(`saved ${await codeOf(saveBlob)}`);
  noteWhetherHere();
  control("");
  await saveBlob();
  noteWhetherHere();
}

/** Gives a blob up whose directory cannot be flushed. */
async function giveBlobUp(): Promise<void> {
  note(`saved ${await codeOf(saveBlob)}`);
  noteWhetherHere();
}

async function sweepBlobs(): Promise<void> {
  note(`swept ${await codeOf(() => BlobStore.sweep(directory))}`);
  noteWhetherHere();
}

const WRITE_A = cycleOf({ entries: plainEntries(9, 12, 2), hardState: hardState(2, 3, 8) });
const WRITE_B = cycleOf({ entries: plainEntries(13, 14, 2) });

/** A write begins a segment while the directory of the log cannot be flushed; its owner opens the log again, and goes on when it can. */
async function rollUnflushed(first: LmdbLogStore): Promise<void> {
  control(`fail ${basename(directory)}`);
  note(`write ${await codeOf(() => first.write(WRITE_A))}`);
  await first.close();
  const store = await open();
  note(`again ${await codeOf(() => store.write(WRITE_A))}`);
  control("");
  while ((await codeOf(() => store.write(WRITE_A))) !== "no error")
    await new Promise((resolve) => setTimeout(resolve, 2));
  note("acked A");
  await store.write(WRITE_B);
  note("acked B");
  await store.close();
}

async function main(): Promise<void> {
  if (scenario === "blob") return saveBlob();
  if (scenario === "unflushedBlob") return saveUnflushedBlob();
  if (scenario === "blobGivenUp") return giveBlobUp();
  if (scenario === "sweep") return sweepBlobs();
  const store = await open();
  note("opened");
  if (scenario === "birth") return store.close();
  if (scenario === "append") {
    // Rolls, takes back what the sidecar vouches for, votes, and appends: every kind of write there is.
    await store.write(WRITE_A);
    note("acked A");
    await store.write(WRITE_B);
    note("acked B");
    return store.close();
  }
  if (scenario === "rollUnflushed") return rollUnflushed(store);
  if (scenario === "held") {
    await controlled();
    await whileTurning(
      store
        .write(cycleOf({ entries: plainEntries(11, 11, 5), hardState: hardState(5, 3, 6) }))
        .then(() => note("resolved")),
    );
    return store.close();
  }
  if (scenario === "failing") {
    await controlled();
    const cycle = cycleOf({ entries: plainEntries(11, 11, 5), hardState: hardState(5, 3, 6) });
    note(`write ${await codeOf(() => store.write(cycle))}`);
    note(`again ${await codeOf(() => store.write(cycle))}`);
    note(`read ${await codeOf(() => store.lastIndex())}`);
    await store.close();
    return note("closed");
  }
  // "endless": appends until it is killed.
  for (let index = store.lastIndex() + 1; ; index++) {
    await store.write(
      cycleOf({ entries: plainEntries(index, index, 1), hardState: hardState(1, 1, index) }),
    );
    note(`acked ${index}`);
  }
}

process.on("unhandledRejection", (error) => {
  note(`unhandled ${String(error)}`);
});
await main();
