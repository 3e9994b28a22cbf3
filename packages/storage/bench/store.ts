/**
 * What the log store does: `pnpm exec node --conditions=annals-source packages/storage/bench/store.ts [DIRECTORY]`. Batches of 500 records
 * of 256 bytes, one per write, each flushed; then reads, verified. Prints one JSON line each.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asIndex } from "@annals/raft";
import { openLogStore } from "@annals/storage";
import { batchEntry, cycleOf, hardState, SAMPLE_MEMBERSHIP } from "@annals/testkit";

const WRITES = 2000;
const RECORDS = 500;
const records = Array.from({ length: RECORDS }, (_, k) => new Uint8Array(256).fill(k));
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "annals-bench-"));

interface Measured {
  readonly recordsPerSecond: number;
  readonly cpuMicrosecondsPerRecord: number;
}

async function measure(work: () => void | Promise<void>): Promise<Measured> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    recordsPerSecond: Math.round((WRITES * RECORDS) / seconds),
    cpuMicrosecondsPerRecord: Number(((user + system) / WRITES / RECORDS).toFixed(3)),
  };
}

const store = await openLogStore({
  directory,
  logId: 1,
  segmentBytes: 128 * 1024 * 1024,
  initial: { membership: SAMPLE_MEMBERSHIP },
});
const latencies: number[] = [];
const writing = await measure(async () => {
  for (let index = 1; index <= WRITES; index++) {
    const entry = batchEntry(index, 1, (index - 1) * RECORDS + 1, records);
    const start = performance.now();
    await store.write(cycleOf({ entries: [entry], hardState: hardState(1, 1, index - 1) }));
    latencies.push(performance.now() - start);
  }
});
const sorted = latencies.toSorted((a, b) => a - b);
const [p50, p99, max] = [0.5, 0.99, 1].map((part) =>
  sorted[Math.ceil(part * sorted.length) - 1]?.toFixed(2),
);
console.log(
  JSON.stringify({
    what: "write",
    records: RECORDS,
    bytes: 256,
    ...writing,
    msP50: p50,
    msP99: p99,
    msMax: max,
  }),
);
const reading = await measure(() => {
  for (let index = 1; index <= WRITES; index += 16)
    store.entries(asIndex(index), asIndex(Math.min(index + 16, WRITES + 1)), 4 * 1024 * 1024, 64);
});
console.log(JSON.stringify({ what: "read, verified", ...reading }));
console.log(
  JSON.stringify({
    what: "disk",
    bytesPerPayloadByte: store.diskBytes() / (WRITES * RECORDS * 256),
  }),
);
await store.close();
rmSync(directory, { recursive: true });
