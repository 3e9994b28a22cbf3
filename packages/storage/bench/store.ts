/**
 * What the log store does beside a plain file: `pnpm exec node --conditions=annals-source packages/storage/bench/store.ts [DIRECTORY]`.
 * For small and for large records, a gigabyte at most: batches, one a write, each flushed; then read, verified; then the same bytes with
 * as many flushes into a plain file. Prints one JSON line each.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asIndex } from "@annals/raft";
import { openLogStore } from "@annals/storage";
import { batchEntry, cycleOf, hardState, SAMPLE_MEMBERSHIP } from "@annals/testkit";

interface Load {
  readonly writes: number;
  /** Of a batch. */
  readonly records: number;
  /** Of a record. */
  readonly bytes: number;
}

const LOADS: readonly Load[] = [
  { writes: 2000, records: 500, bytes: 256 },
  { writes: 1000, records: 100, bytes: 10 * 1024 },
];

/** Runs `work` for each of 1 … writes and prints what that took. */
async function measure(
  what: string,
  { writes, records, bytes }: Load,
  work: (index: number) => void | Promise<void>,
): Promise<void> {
  const latencies: number[] = [];
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let index = 1; index <= writes; index++) {
    const begin = performance.now();
    // One after the other is what is measured.
    // oxlint-disable-next-line no-await-in-loop
    await work(index);
    latencies.push(performance.now() - begin);
  }
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.toSorted((a, b) => a - b);
  const [msP50, msP99, msMax] = [0.5, 0.99, 1].map((part) =>
    Number(sorted[Math.ceil(part * sorted.length) - 1]?.toFixed(2)),
  );
  console.log(
    JSON.stringify({
      what,
      bytes,
      records,
      recordsPerSecond: Math.round((writes * records) / seconds),
      megabytesPerSecond: Math.round((writes * records * bytes) / seconds / 1e6),
      cpuMicrosecondsPerRecord: Number(((user + system) / writes / records).toFixed(3)),
      msP50,
      msP99,
      msMax,
    }),
  );
}

async function measureStore(directory: string, load: Load): Promise<void> {
  const { records: count, bytes, writes } = load;
  const records = Array.from({ length: count }, (_, k) => new Uint8Array(bytes).fill(k));
  const store = await openLogStore({
    directory,
    logId: 1,
    segmentBytes: 128 * 1024 * 1024,
    initial: { membership: SAMPLE_MEMBERSHIP },
  });
  await measure("write", load, async (index) => {
    const entry = batchEntry(index, 1, (index - 1) * count + 1, records);
    await store.write(cycleOf({ entries: [entry], hardState: hardState(1, 1, index - 1) }));
  });
  await measure("read, verified", load, (index) => {
    store.entries(asIndex(index), asIndex(index + 1), 4 * 1024 * 1024, 64);
  });
  const bytesPerPayloadByte = store.diskBytes() / (writes * count * bytes);
  console.log(JSON.stringify({ what: "disk", bytes, bytesPerPayloadByte }));
  await store.close();
}

async function measurePlainFile(directory: string, load: Load): Promise<void> {
  const payload = new Uint8Array(load.records * load.bytes).fill(1);
  const file = await open(join(directory, "plain"), "w");
  await measure("plain file", load, async () => {
    await file.write(payload);
    await file.datasync();
  });
  await file.close();
}

for (const load of LOADS) {
  const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "annals-bench-"));
  try {
    await measurePlainFile(directory, load);
    await measureStore(join(directory, "log"), load);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
