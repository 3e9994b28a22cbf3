import { ClientError } from "@annals/client";
import type { LaneGrant, StoredRecord } from "@annals/client";
import type { Sink } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { ChunkSize } from "./chunkSize.ts";
import { keepLane } from "./keepLane.ts";
import { resolveLimits } from "./limits.ts";
import type { SinkLimits } from "./limits.ts";
import type { Clock, DeadLetters, GroupLane, LogSource, RetryRequest } from "./ports.ts";
import { Retries } from "./retries.ts";
import { SinkMeter } from "./status.ts";
import type { SinkStatus } from "./status.ts";
import { classifyLogError, Failure, Fenced, messageOf, needsMending } from "./stops.ts";
import { Tenure } from "./tenure.ts";

export interface SinkRunnerOptions<Mutation> {
  readonly name: string;
  readonly log: string;
  readonly group: string;
  readonly lane: number;
  /** A sink of its own for every time that the lane is held. */
  readonly sink: () => Sink<Mutation>;
  readonly source: LogSource;
  readonly groupLane: GroupLane;
  readonly deadLetters: DeadLetters;
  readonly clock: Clock;
  /** Uniform in [0, n). */
  readonly randomBelow: (n: number) => number;
  readonly limits?: Partial<SinkLimits>;
  /** Where a database without a cursor begins: the seq before its first record. */
  readonly start: (grant: LaneGrant, signal: AbortSignal) => Promise<number>;
  /** A line for people, about what is out of the ordinary. */
  readonly note?: (text: string) => void;
}

/** How often a runner that stands by asks for the lane, unless the log says when the lease of its holder ends. */
const STANDBY_MS = 1_000;
const RETRY_QUEUE_MAX = 64;
/** How often the database may be lost to somebody else without anything written in between: then two groups fight for it. */
const FENCED_MAX = 5;

/**
 * Runs one sink on one lane of its group: waits for the lane, follows the log while it is held, and begins anew when it is lost. Ends when
 * it is told to, or at what no repetition mends.
 */
export class SinkRunner<Mutation> {
  readonly #options: SinkRunnerOptions<Mutation>;
  readonly #limits: SinkLimits;
  readonly #meter: SinkMeter;
  readonly #size: ChunkSize;
  readonly #retries: Retries;
  #paused: PromiseWithResolvers<void> | undefined;
  readonly #retryQueue: RetryRequest[] = [];
  #fenced = 0;

  /** Throws a RangeError for limits below 1. */
  constructor(options: SinkRunnerOptions<Mutation>) {
    const { name, log, group, lane, clock, randomBelow } = options;
    this.#options = options;
    this.#limits = resolveLimits(options.limits ?? {});
    this.#meter = new SinkMeter({ name, log, group, lane }, () => clock.wall());
    this.#size = new ChunkSize(this.#limits.chunkSize);
    this.#retries = new Retries(randomBelow);
  }

  get name(): string {
    return this.#options.name;
  }

  get status(): SinkStatus {
    return this.#meter.status();
  }

  /** Stops writing before the next transaction and keeps the lane, so that nobody else writes either. Idempotent. */
  pause(): void {
    this.#paused ??= Promise.withResolvers();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /**
   * Writes a dead letter's record after all. Rejects with what the sink says of it, ERR_SINK_NO_RECORD, or ERR_SINK_NOT_RUNNING where
   * nothing can be written now. Without an answer of the sink's database the record may be written.
   */
  retry(seq: number): Promise<void> {
    if (this.#meter.state !== "running" || this.#retryQueue.length >= RETRY_QUEUE_MAX)
      return Promise.reject(
        new SinkError("ERR_SINK_NOT_RUNNING", `sink ${this.name} is ${this.#meter.state}`),
      );
    return new Promise((done, failed) => {
      this.#retryQueue.push({ seq, done, failed });
    });
  }

  /** What a sink would write of a record. */
  plan(record: StoredRecord): readonly Mutation[] {
    return this.#options.sink().plan(record);
  }

  record(seq: number, signal: AbortSignal): Promise<StoredRecord | undefined> {
    return this.#options.source.record(seq, signal);
  }

  /** Resolves when the signal aborts; rejects with the `SinkError` that stopped the sink, which the status has, too. */
  async run(signal: AbortSignal): Promise<void> {
    const { note } = this.#options;
    try {
      while (!signal.aborted) await this.#once(signal);
      this.#meter.state = "stopped";
    } catch (error) {
      this.#meter.state = "failed";
      this.#meter.stopped(error);
      note?.(`stopped: ${messageOf(error)}`);
      throw error;
    }
  }

  /** From waiting for the lane to losing it. */
  async #once(signal: AbortSignal): Promise<void> {
    const { groupLane, clock, note } = this.#options;
    this.#meter.state = "standby";
    const grant = await this.#acquire(signal);
    if (grant === undefined) return;
    const ending = new AbortController();
    const held = AbortSignal.any([signal, ending.signal]);
    const kept = keepLane(groupLane, grant, clock, held).catch((error: unknown) =>
      ending.abort(new Fenced("lane", messageOf(error))),
    );
    const tenure = new Tenure(this.#parts(), grant, held);
    const itemsBefore = this.status.chunks.items;
    try {
      await tenure.run();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Fenced)) throw error;
      note?.(`lost the ${error.by}: ${error.message}`);
      if (this.status.chunks.items > itemsBefore) this.#fenced = 0;
      if (error.by === "database" && ++this.#fenced >= FENCED_MAX) throw contested(error);
    } finally {
      const over = new SinkError("ERR_SINK_NOT_RUNNING", `sink ${this.name} has lost its lane`);
      for (const { failed } of this.#retryQueue.splice(0)) failed(over);
      await tenure.close().catch((error: unknown) => note?.(`at the end: ${messageOf(error)}`));
      ending.abort();
      await kept;
      // A lane that cannot be given back is free when its lease ends.
      await groupLane.release(grant).catch(() => undefined);
    }
    await clock.sleep(this.#retries.failed().ms, signal);
  }

  /** Undefined when the signal aborts. */
  async #acquire(signal: AbortSignal): Promise<LaneGrant | undefined> {
    const { groupLane, clock } = this.#options;
    while (!signal.aborted) {
      try {
        return await groupLane.acquire(signal);
      } catch (error) {
        if (signal.aborted) break;
        const isHeld = error instanceof ClientError && error.code === "ERR_GROUP_HELD";
        const kind = classifyLogError(error);
        if (kind === "settings") throw needsMending(new Failure("log", kind, error));
        if (isHeld) this.#retries.progress();
        else this.#meter.failed("log", kind, error);
        const standbyMs = (isHeld ? error.retryAfterMs : undefined) ?? STANDBY_MS;
        await clock.sleep(isHeld ? standbyMs : this.#retries.failed().ms, signal);
      }
    }
    return undefined;
  }

  #parts(): ConstructorParameters<typeof Tenure<Mutation>>[0] {
    const { sink, source, groupLane, deadLetters, clock, start, note } = this.#options;
    return {
      sink,
      source,
      lane: groupLane,
      deadLetters,
      clock,
      limits: this.#limits,
      start,
      meter: this.#meter,
      size: this.#size,
      retries: this.#retries,
      nextRetry: () => this.#retryQueue.shift(),
      pause: (signal) => this.#whilePaused(signal),
      note: (text) => note?.(text),
    };
  }

  #whilePaused(signal: AbortSignal): Promise<void> | undefined {
    const paused = this.#paused;
    if (paused === undefined) return undefined;
    return new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
      if (signal.aborted) resolve();
      void paused.promise.then(resolve);
    });
  }
}

function contested(error: Fenced): SinkError {
  return new SinkError(
    "ERR_SINK_CONTESTED",
    `lost the database ${FENCED_MAX} times without writing anything (${error.message}): another sink writes to it, outside of this group`,
  );
}
