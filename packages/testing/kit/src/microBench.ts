import { createHistogram } from "node:perf_hooks";
import type { RecordableHistogram } from "node:perf_hooks";

/** A small piece of the code, measured by itself. */
export interface MicroBench {
  readonly what: string;
  /** Things that one run deals with: records, entries, messages. */
  readonly items: number;
  /** Of the payload of one run. */
  readonly bytes?: number;
  readonly run: () => void | Promise<void>;
}

const WARM_UP_MS = 300;
const MEASURE_MS = 1_000;
/** An hour, in microseconds. */
const HIGHEST_US = 3_600_000_000;

/** Whether a program was asked only to show that it runs (`--smoke`). */
export function isSmoke(): boolean {
  return process.argv.includes("--smoke");
}

/**
 * Runs each for a second, after a third of one, and prints a JSON line of it: items per second, CPU per item of all threads of this
 * process, and how long a run took. In smoke mode each runs once.
 */
export async function runMicroBenches(benches: readonly MicroBench[]): Promise<void> {
  const smoke = isSmoke();
  for (const bench of benches) {
    if (!smoke) await repeat(bench, WARM_UP_MS, undefined);
    const times = createHistogram({ lowest: 1, highest: HIGHEST_US, figures: 3 });
    const cpu = process.cpuUsage();
    const began = performance.now();
    const runs = await repeat(bench, smoke ? 0 : MEASURE_MS, times);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const { what, items, bytes } = bench;
    console.log(
      JSON.stringify({
        what,
        items,
        itemsPerSecond: Math.round((runs * items) / seconds),
        cpuMicrosecondsPerItem: Number(((user + system) / runs / items).toFixed(3)),
        ...(bytes === undefined
          ? {}
          : { megabytesPerSecond: Math.round((runs * bytes) / seconds / 1e6) }),
        msP50: times.percentile(50) / 1000,
        msP99: times.percentile(99) / 1000,
        msMax: times.max / 1000,
      }),
    );
  }
}

/** One run at least. Returns how many there were. */
async function repeat(
  { run }: MicroBench,
  forMs: number,
  times: RecordableHistogram | undefined,
): Promise<number> {
  const endMs = performance.now() + forMs;
  for (let runs = 1; ; runs++) {
    const begin = performance.now();
    const pending = run();
    // A run that is over must not pay for a turn of the event loop.
    if (pending !== undefined) await pending;
    const now = performance.now();
    times?.record(Math.min(HIGHEST_US, Math.max(1, Math.round((now - begin) * 1000))));
    if (now >= endMs) return runs;
  }
}
