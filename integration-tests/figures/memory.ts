import { readFileSync } from "node:fs";

const MEBIBYTE_KIB = 1024;
const EVERY_MS = 250;

/** MiB at a moment, in seconds of one clock. */
export interface Sample {
  readonly seconds: number;
  readonly mebibytes: number;
}

/**
 * Watches a process: what it has of its own (heaps, buffers, stacks), without the pages of files; and the kernel's mark of the highest resident
 * set, with those pages.
 */
export class ProcessMemory {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly samples: Sample[] = [];
  /** The highest resident set so far, in MiB. */
  peak = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  look(): void {
    const status = statusOf(this.#pid);
    if (status === undefined) return;
    const mebibytes = field(status, "RssAnon");
    this.samples.push({ seconds: performance.now() / 1000, mebibytes });
    this.peak = Math.max(this.peak, field(status, "VmHWM"));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Undefined when the process is gone. */
function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

/** In MiB. */
function field(status: string, name: string): number {
  const kibibytes = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return kibibytes / MEBIBYTE_KIB;
}
