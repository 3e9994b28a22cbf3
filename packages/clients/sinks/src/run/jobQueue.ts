import type { SinkJob } from "./ports.ts";

const JOBS_MAX = 64;

/** Jobs that wait for the open sink, the oldest first. */
export class JobQueue<Mutation> {
  #jobs: SinkJob<Mutation>[] = [];

  get isFull(): boolean {
    return this.#jobs.length >= JOBS_MAX;
  }

  push(job: SinkJob<Mutation>): void {
    this.#jobs.push(job);
  }

  next(): SinkJob<Mutation> | undefined {
    return this.#jobs.shift();
  }

  /** The next one that writes nothing. */
  nextLook(): Extract<SinkJob<Mutation>, { readonly kind: "look" }> | undefined {
    const job = this.#jobs.find((one) => one.kind === "look");
    if (job?.kind !== "look") return undefined;
    this.#jobs = this.#jobs.filter((one) => one !== job);
    return job;
  }

  /** Fails those that write, or all. */
  fail(which: "writing" | "all", error: unknown): void {
    const failed = this.#jobs.filter(({ kind }) => which === "all" || kind === "write");
    this.#jobs = this.#jobs.filter((job) => !failed.includes(job));
    for (const job of failed) job.failed(error);
  }
}
