import { readFileSync } from "node:fs";

const EVERY_MS = 250;
const KIB = 1024;

/** Bytes that are the process's own (heaps, buffers, stacks), without the pages of files; 0 when it is gone. */
function anonymousBytes(pid: number): number {
  try {
    return (
      KIB * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1])
    );
  } catch {
    return 0;
  }
}

/** Watches the memory of processes; what is told is the largest of them. */
export class MemoryWatch {
  readonly #pids: readonly number[];
  readonly #timer: NodeJS.Timeout;
  #samples: number[] = [];

  constructor(pids: readonly number[]) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.now(), EVERY_MS);
  }

  now(): number {
    const largest = Math.max(...this.#pids.map(anonymousBytes));
    this.#samples.push(largest);
    return largest;
  }

  /** What was seen since the last call, as the highest of each of so many parts of the time, in order. */
  takeCurve(parts: number): readonly number[] {
    const samples = [...this.#samples, this.now()];
    this.#samples = [];
    const length = Math.ceil(samples.length / parts);
    return Array.from({ length: parts }, (_, k) =>
      Math.max(0, ...samples.slice(k * length, (k + 1) * length)),
    ).filter((bytes) => bytes > 0);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
