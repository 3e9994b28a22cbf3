import { readFileSync } from "node:fs";

const KIB = 1024;
const MEBIBYTE = 2 ** 20;
const EVERY_MS = 250;

interface Sample {
  readonly seconds: number;
  readonly mebibytes: number;
}

/** Watches what a process has of its own (heaps, buffers, stacks), without the pages of files. */
export class ProcessMemory {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  #samples: Sample[] = [];
  /** The most that was ever seen, in MiB. */
  highest = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** Forgets the samples so far, but for the highest. */
  begin(): void {
    this.#samples = [];
    this.#look();
  }

  /** Since `begin`: the first and the last; MiB a minute by least squares, of all of it and of its second half. */
  curve(): Record<"first" | "last" | "slope" | "late", number> {
    this.#look();
    const samples = this.#samples;
    const [first, last] = [samples[0]?.mebibytes ?? 0, samples.at(-1)?.mebibytes ?? 0];
    const late = samples.slice(Math.floor(samples.length / 2));
    return { first, last, slope: slopeOf(samples), late: slopeOf(late) };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const status = readFileSync(`/proc/${this.#pid}/status`, "utf8");
    const mebibytes = (KIB * Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)) / MEBIBYTE;
    this.#samples.push({ seconds: performance.now() / 1000, mebibytes });
    this.highest = Math.max(this.highest, mebibytes);
  }
}

function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ mebibytes }) => mebibytes)];
  const spread = mean(({ seconds }) => (seconds - x) ** 2);
  const common = mean(({ seconds, mebibytes }) => (seconds - x) * (mebibytes - y));
  return spread === 0 ? 0 : (60 * common) / spread;
}
