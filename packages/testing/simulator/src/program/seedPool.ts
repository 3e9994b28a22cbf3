import { Worker } from "node:worker_threads";
import type { DisksPutBack } from "../world/plan.ts";
import type { Outcome } from "../simulation.ts";

export interface SeedPoolOptions {
  readonly jobs: number;
  /** Whose disks are put back in every run. */
  readonly putBack: DisksPutBack | undefined;
  /** The next seed to run; undefined when there is none any more. */
  readonly nextSeed: () => number | undefined;
  readonly onStart?: (seed: number) => void;
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Runs seeds on several threads until there are no more. Rejects if a thread dies, naming the seed it was at. */
export async function runSeeds(options: SeedPoolOptions): Promise<void> {
  const workers = Array.from({ length: options.jobs }, () => new Worker(script()));
  try {
    await Promise.all(workers.map((worker) => work(worker, options)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function script(): URL {
  const compiled = import.meta.filename.endsWith(".js");
  return new URL(compiled ? "./seedWorker.js" : "./seedWorker.ts", import.meta.url);
}

function work(worker: Worker, options: SeedPoolOptions): Promise<void> {
  const { nextSeed, onStart, onOutcome, putBack } = options;
  return new Promise((resolve, reject) => {
    let seed: number | undefined;
    const next = (): void => {
      seed = nextSeed();
      if (seed === undefined) {
        resolve();
        return;
      }
      onStart?.(seed);
      worker.postMessage({ seed, putBack });
    };
    worker.on("message", (outcome: Outcome) => {
      onOutcome(outcome);
      next();
    });
    worker.on("error", (cause) => {
      reject(new Error(`the thread that ran seed ${seed} has ended`, { cause }));
    });
    next();
  });
}
