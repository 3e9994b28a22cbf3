// Goal: no flipped bit takes the last transaction of a log back unseen. Method: every bit of the numbers of transactions is flipped.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cycleOf, hardState, plainEntries, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { expect, test } from "vitest";
import { diagnoseLog } from "../../src/repair/diagnosis.ts";
import { openLogStore } from "../../src/openLogStore.ts";
import { temporaryDirectory } from "../support/directory.ts";

const TRANSACTION_AT = 152;
const META_PAGE_BYTES = 4096;

function open(directory: string) {
  return openLogStore({
    directory,
    logId: 1,
    segmentBytes: 1 << 20,
    initial: { membership: SAMPLE_MEMBERSHIP },
    minFreeBytes: 1,
    scanFirst: false,
  });
}

async function written(cycles: number): Promise<string> {
  const directory = await temporaryDirectory();
  const store = await open(directory);
  for (let k = 1; k <= cycles; k++)
    await store.write(cycleOf({ entries: plainEntries(k, k, 1), hardState: hardState(1, 1, k) }));
  await store.close();
  return directory;
}

test.each([0, 1, 2, 3, 7])("a log is sound after %i cycles, and after the next", async (cycles) => {
  const directory = await written(cycles);
  const store = await open(directory);
  const next = cycles + 1;
  await store.write(
    cycleOf({ entries: plainEntries(next, next, 1), hardState: hardState(1, 1, next) }),
  );
  await store.close();
  expect((await diagnoseLog(directory, { isolate: false })).kind).toBe("sound");
});

test.each([4, 5])(
  "a flipped bit in the number of a transaction, after %i cycles",
  async (cycles) => {
    const directory = await written(cycles);
    const path = join(directory, "segment-0000000000000001", "data.mdb");
    const sound = readFileSync(path);
    for (const page of [0, META_PAGE_BYTES]) {
      for (let bit = 0; bit < 64; bit++) {
        const bytes = Buffer.from(sound);
        const at = page + TRANSACTION_AT + (bit >> 3);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(path, bytes);
        await expect(open(directory), `page ${page}, bit ${bit}`).rejects.toMatchObject({
          code: "ERR_LOG_DAMAGED",
        });
      }
    }
    expect((await diagnoseLog(directory, { isolate: false })).kind).toBe("unusable");
    writeFileSync(path, sound);
    const store = await open(directory);
    expect(store.lastIndex()).toBe(asIndex(cycles));
    await store.close();
  },
);

test.each([0, 100, 4096])("a file of %i bytes is not taken for a log", async (bytes) => {
  const directory = await written(3);
  const path = join(directory, "segment-0000000000000001", "data.mdb");
  writeFileSync(path, readFileSync(path).subarray(0, bytes));
  await expect(open(directory)).rejects.toMatchObject({ code: "ERR_LOG_DAMAGED" });
});
