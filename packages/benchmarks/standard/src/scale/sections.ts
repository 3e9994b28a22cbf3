import { AnnalsClient } from "@annals/client";
import {
  BenchError,
  buildLoad,
  BUILT_COMMAND,
  cpuSeconds,
  Drive,
  fill,
  measureAppend,
  STANDARD_SHAPE,
  throwAwayTarget,
} from "@annals/load";
import type { LoadShape, OwnTarget, Target } from "@annals/load";

/** One curve: a point is what was varied, and the figures found. */
export interface Section {
  /** Its file. */
  readonly key: string;
  readonly title: string;
  readonly xTitle: string;
  /** Of the figures of each point, the first of which is drawn. */
  readonly figures: readonly string[];
  readonly evenY: boolean;
  readonly measure: (extent: ScaleExtent) => Promise<readonly ScalePoint[]>;
}

export interface ScalePoint {
  readonly x: number;
  readonly values: readonly number[];
}

export interface ScaleExtent {
  readonly warmUpMs: number;
  readonly durationMs: number;
  /** Records of a tenth of the longest log. */
  readonly tenth: number;
  readonly data: string | undefined;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

const RATE = "records/s";
const CPU = "CPU s per million, all";
const P99 = "p99, ms";
/** Bytes of one request, at most, where its records are large. */
const REQUEST_BYTES = 128 * 1024;
/** A record has at most a MiB with its names. */
const LARGEST = 2 ** 20 - 1024;
/** Caps that let one node hold many logs; small ones cost speed only where a single log is under load. */
const MANY_LOGS = `memory: { limit: 64GiB }
ingest: { maxBodyBytes: 1MiB, maxPendingBytes: 2MiB }
raft: { maxUncommittedBytes: 4MiB, maxCommittedBytes: 1MiB }
`;
const READY_MS = 60_000;

export const SECTIONS: readonly Section[] = [
  {
    key: "records-per-request",
    title: "Records of a request, 16 requests in flight",
    xTitle: "records of a request",
    figures: [RATE, P99, CPU],
    evenY: false,
    measure: (extent) =>
      overShapes(
        extent,
        [1, 4, 16, 64, 256, 1000, 5000].map((x) => [
          x,
          { ...STANDARD_SHAPE, recordsPerRequest: x, inFlight: 16 },
        ]),
      ),
  },
  {
    key: "record-size",
    title: "Size of a record, requests of 128 KiB or one record, 8 in flight",
    xTitle: "bytes of a record",
    figures: [RATE, P99, CPU],
    evenY: false,
    measure: (extent) =>
      overShapes(
        extent,
        [64, 256, 1024, 4096, 16_384, 65_536, 262_144, LARGEST].map((x) => [
          x,
          {
            ...STANDARD_SHAPE,
            recordBytes: x,
            recordsPerRequest: Math.max(1, Math.floor(REQUEST_BYTES / x)),
            inFlight: 8,
          },
        ]),
      ),
  },
  {
    key: "in-flight",
    title: "Requests in flight, one record each",
    xTitle: "requests in flight",
    figures: [RATE, P99, CPU],
    evenY: false,
    measure: (extent) =>
      overShapes(
        extent,
        [1, 4, 16, 64, 256, 1024].map((x) => [x, { ...STANDARD_SHAPE, inFlight: x }]),
      ),
  },
  {
    key: "logs",
    title: "Logs, one record a request, 256 in flight over all of them",
    xTitle: "logs",
    figures: [RATE, P99],
    evenY: true,
    measure: async (extent) => {
      const points: ScalePoint[] = [];
      for (const x of [1, 4, 16, 64]) points.push(await overLogs(extent, x, x, ""));
      return points;
    },
  },
  {
    key: "workers",
    title: "Workers, eight logs, 64 records a request, 64 in flight over all of them",
    xTitle: "workers of a node",
    figures: [RATE, P99],
    evenY: true,
    measure: async (extent) => [
      await overLogs(extent, 1, 8, "workers: { count: 1 }\n", 64),
      await overLogs(extent, 2, 8, "workers: { count: 2 }\n", 64),
    ],
  },
  {
    key: "log-length",
    title: "Length of the log, 500 records a request, 8 in flight",
    xTitle: "records in the log",
    figures: ["CPU s per million, nodes", RATE],
    evenY: true,
    measure: overLength,
  },
];

/** Each shape for a while, on one cluster. */
async function overShapes(
  extent: ScaleExtent,
  shapes: readonly (readonly [x: number, shape: LoadShape])[],
): Promise<readonly ScalePoint[]> {
  return withCluster(extent, "", async (target) => {
    const points: ScalePoint[] = [];
    for (const [x, shape] of shapes) {
      extent.note(String(x));
      const { recordsPerSecond, latency, processes, records } = await measureAppend(target, {
        shape,
        pace: { kind: "closed" },
        ...extent,
      });
      const cpu = processes.reduce((sum, use) => sum + use.cpuSeconds, 0);
      points.push({ x, values: [recordsPerSecond, latency.p99Ms, (cpu * 1e6) / records] });
    }
    return points;
  });
}

async function overLogs(
  extent: ScaleExtent,
  x: number,
  count: number,
  settings: string,
  recordsPerRequest = 1,
): Promise<ScalePoint> {
  extent.note(String(x));
  const logs = Array.from({ length: count }, (_, k) => (k === 0 ? "audit" : `audit-${k}`));
  const all = `${MANY_LOGS}logs: [${logs.join(", ")}]\n${settings}`;
  return withCluster(extent, all, async (target) => {
    const inFlight = (recordsPerRequest === 1 ? 256 : 64) / count;
    const shape = { ...STANDARD_SHAPE, recordsPerRequest, inFlight };
    const leaders = await leadersOf(target, logs, extent.signal);
    const carriers = logs.flatMap((log) => buildLoad(shape, log, leaders.get(log) ?? []).carriers);
    const { records, seconds, latency } = await new Drive({
      carriers,
      pace: { kind: "closed" },
      ...extent,
    }).run();
    return { x, values: [Math.round(records / seconds), latency.p99Ms] };
  });
}

/** The addresses of the nodes by log, its leader first, once every log has one. */
async function leadersOf(
  target: OwnTarget,
  logs: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const client = new AnnalsClient({ urls: target.processes.urls, retryForMs: READY_MS });
  try {
    const all = await target.processes.until(READY_MS, signal, async () => {
      const led = new Map(
        (await client.logs({ signal })).map(({ name, leader }) => [name, leader]),
      );
      const found = logs.map((log): [string, readonly string[]] => {
        const first = target.nodes.find(({ id }) => id === led.get(log));
        const others = target.nodes.filter((node) => node !== first);
        return [log, first === undefined ? [] : [first, ...others].map(({ address }) => address)];
      });
      return found.every(([, addresses]) => addresses.length > 0) ? new Map(found) : undefined;
    });
    if (all !== undefined) return all;
    const what = `not every one of ${logs.length} logs has a leader after ${READY_MS} ms`;
    throw new BenchError("ERR_BENCH_CLUSTER", what);
  } finally {
    client.close();
  }
}

/** The log grows by tenths; what each costs the nodes. The first thousands warm everything up and do not count. */
function overLength(extent: ScaleExtent): Promise<readonly ScalePoint[]> {
  const shape = { ...STANDARD_SHAPE, recordsPerRequest: 500, inFlight: 8 };
  return withCluster(extent, "", async (target) => {
    const { signal, tenth } = extent;
    let length = await fill(target, { shape, records: tenth / 5, signal });
    const points: ScalePoint[] = [];
    for (let k = 1; k <= 10; k++) {
      extent.note(`${k} of 10`);
      const [cpu, began] = [cpuOf(target), performance.now()];
      const records = await fill(target, { shape, records: tenth, signal });
      length += records;
      const used = cpuOf(target) - cpu;
      const rate = Math.round((records * 1000) / (performance.now() - began));
      points.push({ x: length, values: [(used * 1e6) / records, rate] });
    }
    return points;
  });
}

function cpuOf({ nodes }: Target): number {
  return nodes.reduce((sum, { pid }) => sum + cpuSeconds(pid() ?? 0), 0);
}

async function withCluster<T>(
  { data, signal }: ScaleExtent,
  settings: string,
  work: (target: OwnTarget) => Promise<T>,
): Promise<T> {
  const target = await throwAwayTarget({
    entry: BUILT_COMMAND,
    nodes: 3,
    settings,
    ...(data === undefined ? {} : { parent: data }),
    signal,
  });
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}
