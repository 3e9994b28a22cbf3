import { median } from "@annals/drill";
import {
  measureAppend,
  measureCatchUp,
  measureCompression,
  measureConsume,
  measureFailover,
  scrape,
  STANDARD_SHAPE,
} from "@annals/load";
import type {
  AppendFigures,
  LoadShape,
  OwnTarget,
  ProcessUse,
  ThrowAwayOptions,
} from "@annals/load";
import type { FigureMap } from "./figures.ts";

/** How much of everything. */
export interface Extent {
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Runs of each append; the median counts. */
  readonly runs: number;
  readonly catchUpRecords: number;
  readonly kills: number;
}

export const FULL: Extent = {
  warmUpMs: 1_500,
  durationMs: 4_000,
  runs: 3,
  catchUpRecords: 1_000_000,
  kills: 20,
};

/** To see that everything runs; its figures say nothing. */
export const QUICK: Extent = {
  warmUpMs: 300,
  durationMs: 1_000,
  runs: 1,
  catchUpRecords: 10_000,
  kills: 1,
};

const BATCHES: LoadShape = { ...STANDARD_SHAPE, recordsPerRequest: 500, inFlight: 8 };
const MEBIBYTE = 2 ** 20;

/** What compression saves and costs, on clusters of its own. */
export async function runCompressionSet(
  options: Omit<ThrowAwayOptions, "settings" | "nodes"> & { readonly signal: AbortSignal },
  { catchUpRecords }: Extent,
  note: (text: string) => void,
): Promise<FigureMap> {
  const records = catchUpRecords / 5;
  note("audit records, as they are");
  const plain = await measureCompression("none", records, options);
  note("audit records, with zstd");
  const packed = await measureCompression("zstd", records, options);
  return {
    auditDiskBytes: plain.diskBytesPerRecord,
    auditCpuSeconds: plain.cpuSecondsPerMillion,
    zstdDiskBytes: packed.diskBytesPerRecord,
    zstdCpuSeconds: packed.cpuSecondsPerMillion,
  };
}

/** Everything else, one after the other, on one cluster. */
export async function runStandardSet(
  target: OwnTarget,
  extent: Extent,
  signal: AbortSignal,
  note: (text: string) => void,
): Promise<FigureMap> {
  const set = new StandardSet(target, extent, signal, note);
  return {
    // While its nodes are fresh: what catching up takes is held against a node that has done nothing yet.
    ...(await set.catchUp()),
    ...(await set.replay()),
    ...(await set.appends()),
    ...set.memory(),
    ...(await set.failover()),
  };
}

class StandardSet {
  readonly #target: OwnTarget;
  readonly #extent: Extent;
  readonly #signal: AbortSignal;
  readonly #note: (text: string) => void;
  #peakRss = 0;
  #peakAnon = 0;

  constructor(
    target: OwnTarget,
    extent: Extent,
    signal: AbortSignal,
    note: (text: string) => void,
  ) {
    this.#target = target;
    this.#extent = extent;
    this.#signal = signal;
    this.#note = note;
  }

  async appends(): Promise<FigureMap> {
    const one1 = await this.#append({ ...STANDARD_SHAPE, inFlight: 1 });
    const one64 = await this.#append({ ...STANDARD_SHAPE, inFlight: 64 });
    const one1024 = await this.#append({ ...STANDARD_SHAPE, inFlight: 1024 });
    const batch8 = await this.#append(BATCHES);
    const batch16 = await this.#append({ ...BATCHES, inFlight: 16 });
    return {
      one1P50Ms: middle(one1, ({ latency }) => latency.p50Ms),
      one64PerSecond: rate(one64),
      one64P99Ms: middle(one64, ({ latency }) => latency.p99Ms),
      one1024PerSecond: rate(one1024),
      one1024P99Ms: middle(one1024, ({ latency }) => latency.p99Ms),
      batch8PerSecond: rate(batch8),
      batch16PerSecond: rate(batch16),
      batchCpuSeconds: Math.min(middle(batch8, cpuPerMillion), middle(batch16, cpuPerMillion)),
    };
  }

  async catchUp(): Promise<FigureMap> {
    const records = this.#extent.catchUpRecords;
    this.#note(`a follower that has missed ${records} records`);
    const figures = await measureCatchUp(this.#target, {
      records,
      shape: BATCHES,
      signal: this.#signal,
    });
    const { idleAnon, peakAnon, peakRss } = figures.follower;
    this.#peak(peakRss, peakAnon);
    return {
      catchUpPerSecond: figures.recordsPerSecond,
      catchUpStreamingPerSecond: figures.records / Math.max(1e-3, figures.secondsFromFirstAnswer),
      catchUpOverIdleMiB: Math.max(0, peakAnon - idleAnon) / MEBIBYTE,
      diskBytesPerRecord: figures.diskBytesPerRecord,
    };
  }

  async replay(): Promise<FigureMap> {
    this.#note("replay by one consumer");
    const read = async (decode: boolean): Promise<number> => {
      const options = { consumers: 1, decode, signal: this.#signal };
      const figures = await measureConsume(this.#target, options);
      this.#seen(figures.processes);
      return figures.recordsPerSecond;
    };
    return { replayPerSecond: await read(false), replayDecodedPerSecond: await read(true) };
  }

  memory(): FigureMap {
    return { peakRssMiB: this.#peakRss / MEBIBYTE, peakAnonMiB: this.#peakAnon / MEBIBYTE };
  }

  async failover(): Promise<FigureMap> {
    const { kills } = this.#extent;
    this.#note(`the leader is killed, ${kills} times`);
    const { outage } = await measureFailover(this.#target, kills, this.#signal);
    return { failoverP50Ms: outage.p50Ms, failoverP99Ms: outage.p99Ms };
  }

  async #append(shape: LoadShape): Promise<readonly AppendFigures[]> {
    const { runs, warmUpMs, durationMs } = this.#extent;
    const all: AppendFigures[] = [];
    for (let k = 0; k < runs; k++) {
      this.#note(
        `append, ${shape.recordsPerRequest} a request, ${shape.inFlight} in flight: ${k + 1} of ${runs}`,
      );
      const figures = await measureAppend(this.#target, {
        shape,
        pace: { kind: "closed" },
        warmUpMs,
        durationMs,
        signal: this.#signal,
      });
      this.#seen(figures.processes);
      all.push(figures);
    }
    await this.#settled();
    return all;
  }

  /** The next workload begins when the followers have what the last one has left. */
  async #settled(): Promise<void> {
    await this.#target.processes.until(30_000, this.#signal, async () => {
      const { nodes, log } = this.#target;
      const seqs = await Promise.all(
        nodes.map(async ({ address }) => (await scrape(address, log))?.lastSeq),
      );
      return new Set(seqs).size === 1 ? true : undefined;
    });
  }

  #seen(processes: readonly ProcessUse[]): void {
    for (const { role, peakRss, peakAnon } of processes)
      if (role !== "client") this.#peak(peakRss ?? 0, peakAnon ?? 0);
  }

  #peak(rss: number, anon: number): void {
    this.#peakRss = Math.max(this.#peakRss, rss);
    this.#peakAnon = Math.max(this.#peakAnon, anon);
  }
}

function middle(runs: readonly AppendFigures[], of: (figures: AppendFigures) => number): number {
  return median(runs.map(of));
}

function rate(runs: readonly AppendFigures[]): number {
  return middle(runs, ({ recordsPerSecond }) => recordsPerSecond);
}

function cpuPerMillion({ processes, records }: AppendFigures): number {
  return (processes.reduce((sum, use) => sum + use.cpuSeconds, 0) * 1e6) / records;
}
