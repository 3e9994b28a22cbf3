/**
 * What the log store does beside a plain file: `pnpm exec node --conditions=annals-source packages/node/storage/bench/store.ts [DIRECTORY]`.
 * For small and for large records: batches, one a write, each flushed; then read, verified; beside them the same bytes with as many flushes
 * into a plain file. Prints one JSON line each; items are records.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { batchEntry, cycleOf, hardState, runMicroBenches, SAMPLE_MEMBERSHIP } from "@annals/kit";
import { asIndex } from "@annals/raft";
import { openLogStore } from "../src/openLogStore.ts";

interface Load {
  /** Of a batch. */
  readonly records: number;
  /** Of a record. */
  readonly bytes: number;
}

const LOADS: readonly Load[] = [
  { records: 500, bytes: 256 },
  { records: 100, bytes: 10 * 1024 },
];

async function measureStore(directory: string, { records: count, bytes }: Load): Promise<void> {
  const records = Array.from({ length: count }, (_, k) => new Uint8Array(bytes).fill(k));
  const store = await openLogStore({
    directory,
    logId: 1,
    segmentBytes: 128 * 1024 * 1024,
    initial: { membership: SAMPLE_MEMBERSHIP },
  });
  const of = `${count} records of ${bytes} bytes`;
  let [last, read] = [0, 0];
  await runMicroBenches([
    {
      what: `write ${of}`,
      items: count,
      bytes: count * bytes,
      run: async () => {
        const entry = batchEntry(++last, 1, (last - 1) * count + 1, records);
        await store.write(cycleOf({ entries: [entry], hardState: hardState(1, 1, last - 1) }));
      },
    },
    {
      what: `read, verified, ${of}`,
      items: count,
      bytes: count * bytes,
      run: () => {
        const index = (read++ % last) + 1;
        store.entries(asIndex(index), asIndex(index + 1), 4 * 1024 * 1024, 64);
      },
    },
  ]);
  const bytesPerPayloadByte = store.diskBytes() / (last * count * bytes);
  console.log(JSON.stringify({ what: `disk, ${of}`, bytesPerPayloadByte }));
  await store.close();
}

async function measurePlainFile(directory: string, { records, bytes }: Load): Promise<void> {
  const payload = new Uint8Array(records * bytes).fill(1);
  const file = await open(join(directory, "plain"), "w");
  await runMicroBenches([
    {
      what: `plain file, ${payload.length} bytes a flush`,
      items: records,
      bytes: payload.length,
      run: async () => {
        await file.write(payload);
        await file.datasync();
      },
    },
  ]);
  await file.close();
}

const parent = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
for (const load of LOADS) {
  const directory = mkdtempSync(join(parent ?? tmpdir(), "annals-bench-"));
  try {
    await measurePlainFile(directory, load);
    await measureStore(join(directory, "log"), load);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
