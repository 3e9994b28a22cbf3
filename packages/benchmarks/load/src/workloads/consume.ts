import { BenchError } from "../benchError.ts";
import type { Target } from "../cluster/target.ts";
import { Consumer } from "../load/consumer.ts";
import { Meter } from "../measure/meter.ts";
import type { ProcessUse } from "../measure/meter.ts";
import { scrape } from "../measure/scrape.ts";

export interface ConsumeOptions {
  readonly consumers: number;
  readonly decode: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (records: number, of: number) => void;
}

export interface ConsumeFigures {
  readonly kind: "consume";
  readonly seconds: number;
  readonly consumers: number;
  readonly decoded: boolean;
  /** Of all consumers together. */
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly processes: readonly ProcessUse[];
}

/** Reads the log from its first record to what is its end now, by each consumer from another node if there are several. */
export async function measureConsume(
  target: Target,
  { consumers, decode, signal, onProgress }: ConsumeOptions,
): Promise<ConsumeFigures> {
  const addresses = await target.addresses();
  const figures = await Promise.all(addresses.map((address) => scrape(address, target.log)));
  const last = Math.max(0, ...figures.map((one) => one?.lastSeq ?? 0));
  if (last === 0) throw new BenchError("ERR_BENCH_OPTIONS", `the log ${target.log} is empty`);
  const meter = new Meter(target.nodes, target.log);
  let [records, bytes] = [0, 0];
  const count = (more: number, moreBytes: number): void => {
    records += more;
    bytes += moreBytes;
    onProgress?.(records, last * consumers);
  };
  const all: Consumer[] = [];
  try {
    meter.begin();
    const began = performance.now();
    await Promise.all(
      Array.from({ length: consumers }, (_, k) => {
        const address = addresses[k % addresses.length] ?? "";
        return readTo(last, { address, log: target.log, decode, signal, count, all });
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const processes = await meter.end();
    if (records < last * consumers)
      throw new BenchError(
        "ERR_BENCH_WRONG",
        `${records} records came, ${last} × ${consumers} are there`,
      );
    return {
      kind: "consume",
      seconds,
      consumers,
      decoded: decode,
      records,
      recordsPerSecond: Math.round(records / seconds),
      bytesPerSecond: Math.round(bytes / seconds),
      processes,
    };
  } finally {
    for (const consumer of all) consumer.close();
    meter.close();
  }
}

const SILENCE_MS = 30_000;

interface Reading {
  readonly address: string;
  readonly log: string;
  readonly decode: boolean;
  readonly signal: AbortSignal;
  readonly count: (records: number, bytes: number) => void;
  readonly all: Consumer[];
}

async function readTo(last: number, reading: Reading): Promise<void> {
  const { address, log, decode, signal, count, all } = reading;
  const done = Promise.withResolvers<void>();
  const abort = (): void => done.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const silence = setTimeout(() => {
    const what = `${address} sent nothing for ${SILENCE_MS} ms`;
    done.reject(new BenchError("ERR_BENCH_CLUSTER", what));
  }, SILENCE_MS);
  const consumer = new Consumer({
    address,
    log,
    from: 1,
    decode,
    onPage: ({ to, count: records, bytes }) => {
      silence.refresh();
      count(records, bytes);
      if (to >= last) done.resolve();
    },
    onEnd: done.reject,
  });
  all.push(consumer);
  try {
    signal.throwIfAborted();
    await consumer.open();
    await done.promise;
  } finally {
    clearTimeout(silence);
    signal.removeEventListener("abort", abort);
  }
}
