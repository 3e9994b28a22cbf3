import { readFileSync, writeFileSync } from "node:fs";

/** Memory of a process, in bytes, as the kernel counts it. */
export interface ProcessMemory {
  /** The resident set: with the pages of LMDB's files. */
  readonly rss: number;
  /** Heaps, buffers, stacks: what a budget is about. */
  readonly anon: number;
  /** The highest resident set since the process began or the mark was reset. */
  readonly highWater: number;
}

const KIB = 1024;

/** Undefined when the process is gone, or the system has no such file. */
function readMemory(pid: number): ProcessMemory | undefined {
  try {
    return parseMemory(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return undefined;
  }
}

export function parseMemory(status: string): ProcessMemory | undefined {
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN) * KIB;
  const memory = { rss: field("VmRSS"), anon: field("RssAnon"), highWater: field("VmHWM") };
  return Number.isNaN(memory.rss + memory.anon) ? undefined : memory;
}

/** A moment of the curve. */
export interface MemorySample {
  /** Since the sampling began. */
  readonly atMs: number;
  readonly anon: number;
  readonly rss: number;
}

/** What one node's processes have had. */
export interface NodeMemory {
  /** The median of the samples of an idle node. */
  readonly idleAnon: number;
  readonly peakAnon: number;
  readonly peakRss: number;
  /** The highest of its processes' high-water marks since idle. */
  readonly highWater: number;
  readonly curve: readonly MemorySample[];
  /** When the last step was over, on the curve's clock: what comes after is the check, which reads everything. */
  readonly stepsEndMs: number;
}

const SAMPLE_MS = 100;
/** Beyond so many points two neighbours become one, the higher of them. */
const CURVE_MAX = 4000;

interface Series {
  readonly idle: number[];
  idleAnon: number;
  peakAnon: number;
  peakRss: number;
  highWater: number;
  curve: MemorySample[];
}

/** Looks every 100 ms at the memory of each node's process, whichever it is at the moment. */
export class RssSampler {
  readonly #pids: ReadonlyMap<string, () => number | undefined>;
  readonly #series = new Map<string, Series>();
  readonly #timer: NodeJS.Timeout;
  readonly #begunMs = performance.now();
  #idle = true;
  #stepsEndMs = Number.POSITIVE_INFINITY;

  constructor(pids: ReadonlyMap<string, () => number | undefined>) {
    this.#pids = pids;
    for (const id of pids.keys()) {
      const start = { idle: [], idleAnon: 0, peakAnon: 0, peakRss: 0, highWater: 0, curve: [] };
      this.#series.set(id, start);
    }
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** The processes have started: what is sampled from here to `endIdle` is idle. */
  beginIdle(): void {
    for (const series of this.#series.values()) series.idle.length = 0;
  }

  /** What was sampled until now was idle; peaks count from here. The kernel's marks are reset where that is permitted. */
  endIdle(): void {
    this.#idle = false;
    for (const [id, series] of this.#series) {
      series.idleAnon = median(series.idle);
      const pid = this.#pids.get(id)?.();
      if (pid === undefined) continue;
      try {
        writeFileSync(`/proc/${pid}/clear_refs`, "5");
      } catch {
        // Then the mark is that of the whole life of the process, which is more and never less.
        continue;
      }
    }
  }

  /** The steps are over. */
  endSteps(): void {
    this.#stepsEndMs = performance.now() - this.#begunMs;
  }

  /** Undefined where the system does not say. */
  read(id: string): NodeMemory | undefined {
    const series = this.#series.get(id);
    if (series === undefined || series.curve.length === 0) return undefined;
    const { idleAnon, peakAnon, peakRss, highWater, curve } = series;
    return { idleAnon, peakAnon, peakRss, highWater, curve, stepsEndMs: this.#stepsEndMs };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const [id, pidOf] of this.#pids) {
      const pid = pidOf();
      const memory = pid === undefined ? undefined : readMemory(pid);
      const series = this.#series.get(id);
      if (memory === undefined || series === undefined) continue;
      this.#take(series, memory);
    }
  }

  #take(series: Series, { anon, rss, highWater }: ProcessMemory): void {
    series.curve.push({ atMs: Math.round(performance.now() - this.#begunMs), anon, rss });
    if (series.curve.length > CURVE_MAX) series.curve = thinned(series.curve);
    if (this.#idle) {
      series.idle.push(anon);
      return;
    }
    series.peakAnon = Math.max(series.peakAnon, anon);
    series.peakRss = Math.max(series.peakRss, rss);
    series.highWater = Math.max(series.highWater, Number.isNaN(highWater) ? 0 : highWater);
  }
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** Half as many points; no peak is lost. */
export function thinned(curve: readonly MemorySample[]): MemorySample[] {
  const kept: MemorySample[] = [];
  for (let k = 0; k < curve.length; k += 2) {
    const [one, other] = [curve[k], curve[k + 1]];
    if (one === undefined) break;
    kept.push(other !== undefined && other.anon > one.anon ? other : one);
  }
  return kept;
}
