import { setTimeout as sleep } from "node:timers/promises";
import { RssSampler } from "@annals/drill";
import { BenchError } from "../benchError.ts";
import type { OwnTarget } from "../cluster/target.ts";
import { fill } from "../load/fill.ts";
import type { LoadShape } from "../load/buildLoad.ts";
import { diskBytes } from "../measure/diskBytes.ts";
import { cpuSeconds } from "../measure/processFigures.ts";
import { scrape } from "../measure/scrape.ts";

export interface CatchUpOptions {
  readonly records: number;
  /** How the log is filled while the follower is away. */
  readonly shape: LoadShape;
  readonly signal: AbortSignal;
  readonly onProgress?: (phase: "filling" | "catching up", records: number, of: number) => void;
}

export interface CatchUpFigures {
  readonly kind: "catchUp";
  readonly records: number;
  /** From the start of the follower's process until it has applied everything. */
  readonly seconds: number;
  readonly recordsPerSecond: number;
  /** The same from its first answer, without the start of a process. */
  readonly secondsFromFirstAnswer: number;
  readonly follower: {
    readonly cpuSeconds: number;
    /** Before it went away. */
    readonly idleAnon: number;
    readonly peakAnon: number;
    readonly peakRss: number;
  };
  /** What the log takes on the disk of a node that was there, per record. */
  readonly diskBytesPerRecord: number;
  readonly fillRecordsPerSecond: number;
}

const POLL_MS = 20;
const IDLE_MS = 1_000;
const WITHIN_MS = 600_000;

/** Takes a follower away, appends, brings it back and waits until it has everything, under no load. */
export async function measureCatchUp(
  target: OwnTarget,
  options: CatchUpOptions,
): Promise<CatchUpFigures> {
  const { signal, onProgress } = options;
  const [, follower = ""] = await target.addresses();
  const node = [...target.processes.nodes.values()].find(({ address }) => address === follower);
  if (node === undefined)
    throw new BenchError("ERR_BENCH_OPTIONS", "catching up needs a cluster of three");
  const other = [...target.processes.nodes.values()].find((one) => one !== node);
  const sampler = new RssSampler(new Map([[node.id, () => node.pid]]));
  let away = false;
  try {
    await sleep(IDLE_MS, undefined, { signal });
    const disk = diskBytes(other?.data ?? "");
    const had = (await scrape(follower, target.log))?.lastSeq ?? 0;
    await node.stop();
    away = true;
    const began = performance.now();
    const records = await fill(target, {
      shape: options.shape,
      records: options.records,
      signal,
      onProgress: (done) => onProgress?.("filling", done, options.records),
    });
    const fillSeconds = (performance.now() - began) / 1000;
    sampler.endIdle();
    const start = performance.now();
    node.release();
    away = false;
    const times = await caughtUp(follower, target.log, had + records, signal, (seq) =>
      onProgress?.("catching up", seq - had, records),
    );
    const seconds = (times.doneMs - start) / 1000;
    const memory = sampler.read(node.id);
    return {
      kind: "catchUp",
      records,
      seconds,
      recordsPerSecond: Math.round(records / seconds),
      secondsFromFirstAnswer: (times.doneMs - times.firstMs) / 1000,
      follower: {
        cpuSeconds: cpuSeconds(node.pid ?? 0),
        idleAnon: memory?.idleAnon ?? 0,
        peakAnon: memory?.peakAnon ?? 0,
        peakRss: memory?.peakRss ?? 0,
      },
      diskBytesPerRecord: (diskBytes(other?.data ?? "") - disk) / records,
      fillRecordsPerSecond: Math.round(records / fillSeconds),
    };
  } finally {
    sampler.close();
    if (away) node.release();
  }
}

async function caughtUp(
  address: string,
  log: string,
  lastSeq: number,
  signal: AbortSignal,
  onSeq: (seq: number) => void,
): Promise<{ readonly firstMs: number; readonly doneMs: number }> {
  const deadline = performance.now() + WITHIN_MS;
  let firstMs: number | undefined;
  while (performance.now() < deadline) {
    const figures = await scrape(address, log);
    const now = performance.now();
    if (figures !== undefined) {
      firstMs ??= now;
      onSeq(figures.lastSeq);
      if (figures.lastSeq >= lastSeq) return { firstMs, doneMs: now };
    }
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new BenchError("ERR_BENCH_CLUSTER", `the follower was not there within ${WITHIN_MS} ms`);
}
