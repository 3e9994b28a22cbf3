// The process under test of the crash tests: runs one scenario on a log and notes what was acknowledged in SHIM_LOG.
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { BlobStore, DiskFloor, openLogStore } from "@annals/storage";
import type { LmdbLogStore } from "@annals/storage";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/testkit";

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

/** Saves one blob in three chunks. */
async function saveBlob(): Promise<void> {
  const floor = new DiskFloor(directory, 1);
  const blobs = new BlobStore({ directory, floor, chunkBytes: 1024 });
  note("opened");
  const bytes = blobBytes();
  const digest = createHash("sha256").update(bytes).digest("hex");
  const writer = blobs.begin(digest, bytes.length);
  for (let at = 0; at < bytes.length; at += 1024) {
    if (!writer.write(bytes.subarray(at, at + 1024))) await writer.ready();
  }
  await writer.finish();
  note(`acked ${digest}`);
}

async function main(): Promise<void> {
  if (scenario === "blob") return saveBlob();
  const store = await open();
  note("opened");
  if (scenario === "birth") return store.close();
  if (scenario === "append") {
    // Rolls, takes back what the sidecar vouches for, votes, and appends: every kind of write there is.
    await store.write(cycleOf({ entries: plainEntries(9, 12, 2), hardState: hardState(2, 3, 8) }));
    note("acked A");
    await store.write(cycleOf({ entries: plainEntries(13, 14, 2) }));
    note("acked B");
    return store.close();
  }
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
