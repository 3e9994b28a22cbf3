/**
 * What the runner costs and holds, apart from any database: JSON lines.
 *
 *   pnpm exec node packages/clients/sinks/bench/runner.ts
 *
 * `exact`: 100 000 records, the runner ended at 20 points and 20 commits without an answer; `same` says whether a hash over everything that
 * is written is that of the log. `outage`: the sink is away while 500 000 records come in; then it catches up. Records are made as they are
 * read, so that only the runner's memory is seen.
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { StoredRecord } from "@annals/client";
import { sameCursor } from "../src/sink.ts";
import { SinkRunner } from "../src/run/runner.ts";
import { SYSTEM_CLOCK } from "../src/log/systemClock.ts";
import type { Chunk, Sink, SinkCursor } from "../src/sink.ts";
import type { GroupLane, LogSource } from "../src/run/ports.ts";
import type { SinkStatus } from "../src/run/status.ts";

const EXACT_RECORDS = 100_000;
const OUTAGE_RECORDS = 500_000;
const OUTAGE_FAILURES = 10;
const FAULTS = 20;
const MEAN_BYTES = 220;

function recordOf(seq: number): StoredRecord {
  return {
    seq,
    recordedAt: new Date(Date.UTC(2026, 0, 1) + seq).toISOString(),
    actor: { type: "user", id: `user-${seq % 1_000}` },
    action: "file.read",
    targets: [{ type: "file", id: `file-${seq % 5_000}` }],
    data: { address: "10.0.0.1", text: "x".repeat(seq % 60) },
  };
}

class Place {
  readonly hash: Hash = createHash("sha256");
  cursor: SinkCursor | undefined;
  fail: (chunk: Chunk<string>, when: "before" | "after") => void = () => undefined;
}

class CountingSink implements Sink<string> {
  readonly settings = "bench";
  readonly target = "memory";
  readonly probing = "rolledBack";
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  plan(record: StoredRecord): readonly string[] {
    return [JSON.stringify(record)];
  }

  weigh(line: string): number {
    return line.length;
  }

  async open(): Promise<SinkCursor | undefined> {
    return this.#place.cursor;
  }

  async apply(chunk: Chunk<string>): Promise<void> {
    this.#place.fail(chunk, "before");
    if (!sameCursor(this.#place.cursor, chunk.expected)) throw new Error("fenced");
    for (const line of chunk.mutations) this.#place.hash.update(line);
    this.#place.cursor = chunk.next;
    this.#place.fail(chunk, "after");
  }

  async cursor(): Promise<SinkCursor | undefined> {
    return this.#place.cursor;
  }

  async probe(): Promise<void> {}

  classify(): "transient" {
    return "transient";
  }

  async close(): Promise<void> {}
}

let lastSeq = EXACT_RECORDS;
let token = 0;

const source: LogSource = {
  read: async (from, maxBytes, waitMs, signal) => {
    const count = Math.min(lastSeq - from + 1, Math.floor(maxBytes / MEAN_BYTES));
    if (count <= 0) await SYSTEM_CLOCK.sleep(Math.min(waitMs, 10), signal);
    const records = Array.from({ length: Math.max(0, count) }, (_, k) => recordOf(from + k));
    return { records, to: from - 1 + records.length, bytes: records.length * MEAN_BYTES };
  },
  record: async (seq) => recordOf(seq),
  range: async () => ({ firstSeq: 1, lastSeq }),
};

const lane: GroupLane = {
  acquire: async () => ({ lane: 0, lanes: 1, token: ++token, position: 0, leaseMs: 10_000 }),
  renew: async () => undefined,
  commit: async () => undefined,
  release: async () => undefined,
  holder: async () => undefined,
};

async function run(place: Place, isDone: (status: SinkStatus) => boolean): Promise<SinkStatus> {
  const runner = new SinkRunner({
    letters: "bench.dead-letters",
    scope: "cluster bench, log bench",
    name: "bench",
    log: "audit",
    group: "sink.bench",
    lane: 0,
    sink: () => new CountingSink(place),
    source,
    groupLane: lane,
    deadLetters: { write: () => Promise.reject(new Error("no dead letters here")) },
    // Waits are a thousandth, so that an outage of minutes takes moments.
    clock: { ...SYSTEM_CLOCK, sleep: (ms, signal) => SYSTEM_CLOCK.sleep(ms / 1_000, signal) },
    randomBelow: (n) => Math.floor(Math.random() * n),
    start: async () => 0,
  });
  const abort = new AbortController();
  const ended = runner.run(abort.signal);
  while (!isDone(runner.status)) await new Promise((resolve) => setTimeout(resolve, 2));
  const { status } = runner;
  abort.abort();
  await ended;
  return status;
}

function report(name: string, fields: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ bench: name, ...fields }));
}

async function exact(): Promise<void> {
  const place = new Place();
  const stops = Array.from({ length: FAULTS }, () => Math.ceil(Math.random() * EXACT_RECORDS));
  const lost = new Set<number>();
  let ambiguous = 0;
  place.fail = ({ next }, when) => {
    const at = Math.floor((next.seq * FAULTS) / EXACT_RECORDS);
    if (when === "before" || lost.has(at) || at === FAULTS) return;
    lost.add(at);
    ambiguous++;
    throw new Error("lost after the commit");
  };
  const beganMs = performance.now();
  let itemsMax = 0;
  for (const stop of [...stops.toSorted((a, b) => a - b), EXACT_RECORDS]) {
    const status = await run(place, ({ position }) => (position?.seq ?? 0) >= stop);
    itemsMax = Math.max(itemsMax, status.chunks.itemsMax);
  }
  const ms = performance.now() - beganMs;
  const wanted = createHash("sha256");
  for (let seq = 1; seq <= EXACT_RECORDS; seq++) wanted.update(JSON.stringify(recordOf(seq)));
  const same = wanted.digest("hex") === place.hash.digest("hex");
  const perSecond = Math.round((EXACT_RECORDS * 1_000) / ms);
  report("exact", { records: EXACT_RECORDS, stops: FAULTS, ambiguous, same, itemsMax, perSecond });
}

async function outage(): Promise<void> {
  const place = new Place();
  let failures = 0;
  const heap: number[] = [];
  lastSeq = 1_000;
  place.fail = ({ next }, when) => {
    if (when === "after" || next.seq < 1_000 || failures >= OUTAGE_FAILURES) return;
    failures++;
    lastSeq += OUTAGE_RECORDS / OUTAGE_FAILURES;
    heap.push(process.memoryUsage().heapUsed);
    throw new Error("away");
  };
  const rssBefore = process.memoryUsage().rss;
  let rssMax = 0;
  let backMs = 0;
  const status = await run(place, ({ position }) => {
    rssMax = Math.max(rssMax, process.memoryUsage().rss);
    if (failures >= OUTAGE_FAILURES && backMs === 0) backMs = performance.now();
    return failures >= OUTAGE_FAILURES && (position?.seq ?? 0) >= lastSeq;
  });
  const seconds = (performance.now() - backMs) / 1_000;
  const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
  report("outage", {
    records: lastSeq,
    failures,
    itemsMax: status.chunks.itemsMax,
    bytesMax: status.chunks.bytesMax,
    deadLetters: status.deadLetters,
    residual: status.residual,
    heapFirstMiB: mib(heap[0] ?? 0),
    heapLastMiB: mib(heap.at(-1) ?? 0),
    rssBeforeMiB: mib(rssBefore),
    rssMaxMiB: mib(rssMax),
    perSecond: Math.round(OUTAGE_RECORDS / seconds),
  });
}

await exact();
await outage();
