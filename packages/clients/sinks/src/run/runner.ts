import { ClientError } from "@annals/client";
import type { LaneGrant, StoredRecord } from "@annals/client";
import { messageOf } from "../messageOf.ts";
import type { Sink, SinkCursor } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { ChunkSize } from "./chunkSize.ts";
import { heldOf } from "./heldOf.ts";
import type { HeldStretch } from "./heldOf.ts";
import { JobQueue } from "./jobQueue.ts";
import { keepLane } from "./keepLane.ts";
import { LeaseHolder } from "./leaseHolder.ts";
import type { LeaseHolderParts } from "./leaseHolderParts.ts";
import { resolveLimits } from "./limits.ts";
import type { SinkLimits } from "./limits.ts";
import { LogEnd } from "./logEnd.ts";
import { Pause } from "./pause.ts";
import type { RunnerClock, DeadLetters, GroupLane, LogSource } from "./ports.ts";
import { retryDeadLetter } from "./retryDeadLetter.ts";
import { Retries } from "./retries.ts";
import { SinkMeter } from "./status.ts";
import type { SinkState, SinkStatus } from "./status.ts";
import { classifyLogError, contested, Failure, Fenced, needsMending } from "./stops.ts";

export interface SinkRunnerOptions<Mutation> {
  readonly name: string;
  readonly log: string;
  /** The log that takes dead letters, for the status. */
  readonly letters: string;
  /** Of what it writes: cluster, log, and share of the log; see `SinkCursor.scope`. */
  readonly scope: string;
  readonly group: string;
  readonly lane: number;
  /** A sink of its own for every time that the lane is held. */
  readonly sink: () => Sink<Mutation>;
  readonly source: LogSource;
  readonly groupLane: GroupLane;
  readonly deadLetters: DeadLetters;
  readonly clock: RunnerClock;
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
  readonly #pause: Pause = new Pause();
  readonly #jobs: JobQueue<Mutation> = new JobQueue();
  readonly #logEnd: LogEnd;
  /** Resolves when one that has failed is to begin again. */
  #again: PromiseWithResolvers<void> = Promise.withResolvers();
  #fenced = 0;
  #isHeldElsewhere = false;

  /** Throws a RangeError for limits below 1. */
  constructor(options: SinkRunnerOptions<Mutation>) {
    const { name, log, letters, group, lane, source, clock, randomBelow } = options;
    const { target } = options.sink();
    this.#options = options;
    this.#limits = resolveLimits(options.limits ?? {});
    this.#meter = new SinkMeter({ name, log, target, letters, group, lane }, () => clock.wall());
    this.#size = new ChunkSize(this.#limits.chunkSize, () => clock.now());
    this.#retries = new Retries(randomBelow);
    this.#logEnd = new LogEnd(source, clock, this.#meter);
  }

  get name(): string {
    return this.#options.name;
  }

  get status(): SinkStatus {
    return this.#meter.status();
  }

  /** The status, with a lag behind the log's end of now; of a standby that of its lane. The log is asked at most once a second. */
  async measuredStatus(): Promise<SinkStatus> {
    if (this.#meter.state !== "standby") await this.#logEnd.measure();
    return this.status;
  }

  /**
   * Stops writing before the next transaction and keeps the lane, so that nobody else writes either. Resolves when that holds: what was
   * under way has ended. Rejects with ERR_SINK_NOT_RUNNING where nothing runs, ERR_SINK_BUSY if the signal aborts before it holds.
   */
  async pause(signal: AbortSignal): Promise<void> {
    this.#pause.ask();
    this.#failJobs("writing", "is about to pause");
    await this.#until((state) => state !== "running" && state !== "backing-off", signal);
    const { state } = this.#meter;
    if (state === "failed" || state === "stopped") {
      this.#pause.end();
      throw this.#notRunning();
    }
  }

  /**
   * Lets a paused sink go on, and one that has failed begin again. Resolves when it does. Rejects with ERR_SINK_NOT_RUNNING if it fails
   * once more, or has ended, and ERR_SINK_BUSY if the signal aborts before.
   */
  async resume(signal: AbortSignal): Promise<void> {
    this.#pause.end();
    if (this.#meter.state === "failed") {
      this.#isHeldElsewhere = false;
      this.#meter.state = "standby";
      this.#again.resolve();
      this.#again = Promise.withResolvers();
      await this.#until((state) => state !== "standby" || this.#isHeldElsewhere, signal);
    } else await this.#until((state) => state !== "paused", signal);
    this.#assertGoing();
  }

  #assertGoing(): void {
    const { state } = this.#meter;
    if (state === "failed" || state === "stopped") throw this.#notRunning();
  }

  /** Resolves when a sink that has failed is to begin again, or the signal aborts. */
  async resumed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const aborted = Promise.withResolvers<void>();
    const done = (): void => aborted.resolve();
    signal.addEventListener("abort", done);
    await Promise.race([this.#again.promise, aborted.promise]);
    signal.removeEventListener("abort", done);
  }

  /**
   * Writes a dead letter's record after all. Rejects with what the sink says of it, ERR_SINK_NO_RECORD, or ERR_SINK_NOT_RUNNING where
   * nothing can be written now. Without an answer of the sink's database the record may be written.
   */
  retry(seq: number): Promise<void> {
    const { source } = this.#options;
    const caps = { items: this.#size.items, bytes: this.#limits.chunkBytes, records: 1 };
    return this.withSink((sink, cursor, signal) =>
      retryDeadLetter(sink, source, cursor, seq, caps, signal),
    );
  }

  /** Writes with the open sink between two of its transactions. Rejects with ERR_SINK_NOT_RUNNING where there is none. */
  withSink<T>(
    work: (sink: Sink<Mutation>, cursor: SinkCursor, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#meter.state !== "running" || this.#pause.isAsked || this.#jobs.isFull)
      return Promise.reject(this.#notRunning());
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#jobs.push({
      kind: "write",
      run: (...given) => work(...given).then(resolve, reject),
      failed: reject,
    });
    this.#pause.wake();
    return promise;
  }

  /**
   * Tells what the place holds of [from, to], or of its beginning, also during a pause. Rejects with ERR_SINK_NO_COMPARE, and with
   * ERR_SINK_NOT_RUNNING where the sink neither runs nor is paused.
   */
  held(from: number, to: number): Promise<HeldStretch> {
    const { name, source } = this.#options;
    const { state } = this.#meter;
    if ((state !== "running" && state !== "paused") || this.#jobs.isFull)
      return Promise.reject(this.#notRunning(askThePlace(name)));
    const { readBytes } = this.#limits;
    const { promise, resolve, reject } = Promise.withResolvers<HeldStretch>();
    this.#jobs.push({
      kind: "look",
      run: (sink, signal) =>
        heldOf({ name, sink, source, readBytes }, from, to, signal).then(resolve, reject),
      failed: reject,
    });
    this.#pause.wake();
    return promise;
  }

  /** Fails jobs that were not begun. */
  #failJobs(which: "writing" | "all", why: string): void {
    const over = new SinkError("ERR_SINK_NOT_RUNNING", `sink ${this.name} ${why}`);
    this.#jobs.fail(which, over);
  }

  /** `advice`: what else to do, after a semicolon. */
  #notRunning(advice: string = ""): SinkError {
    const { state, lastError } = this.status;
    const why = state === "failed" && lastError !== null ? `: ${lastError.message}` : "";
    return new SinkError("ERR_SINK_NOT_RUNNING", `sink ${this.name} is ${state}${why}${advice}`);
  }

  async #until(holds: (state: SinkState) => boolean, signal: AbortSignal): Promise<void> {
    const over = Promise.withResolvers<"over">();
    const end = (): void => over.resolve("over");
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      while (!holds(this.#meter.state))
        if ((await Promise.race([this.#meter.changed, over.promise])) === "over")
          throw new SinkError(
            "ERR_SINK_BUSY",
            `sink ${this.name} is still ${this.#meter.state}: it was told, and waits for a transaction or the cluster`,
          );
    } finally {
      signal.removeEventListener("abort", end);
    }
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
    this.#fenced = 0;
    this.#isHeldElsewhere = false;
    this.#retries.progress();
    this.#meter.state = "standby";
    try {
      while (!signal.aborted) await this.#once(signal);
      this.#meter.state = "stopped";
    } catch (error) {
      this.#meter.stopped(error);
      this.#meter.state = "failed";
      note?.(`stopped: ${messageOf(error)}`);
      throw error;
    }
  }

  /** From waiting for the lane to losing it. */
  async #once(signal: AbortSignal): Promise<void> {
    const { groupLane, clock, note } = this.#options;
    this.#meter.state = "standby";
    const grant = await this.#acquire(signal);
    this.#isHeldElsewhere = false;
    if (grant === undefined) return;
    this.#meter.granted(grant.position);
    const ending = new AbortController();
    const held = AbortSignal.any([signal, ending.signal]);
    const kept = keepLane(groupLane, grant, clock, held).catch((error: unknown) =>
      ending.abort(new Fenced("lane", messageOf(error))),
    );
    const holder = new LeaseHolder(this.#parts(), grant, held);
    const itemsBefore = this.status.chunks.items;
    try {
      await holder.run();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Fenced)) throw error;
      note?.(`lost the ${error.by}: ${error.message}`);
      if (this.status.chunks.items > itemsBefore) this.#fenced = 0;
      if (error.by === "database" && ++this.#fenced >= FENCED_MAX)
        throw contested(this.#who, FENCED_MAX, error);
    } finally {
      this.#failJobs("all", "has lost its lane");
      await holder.close().catch((error: unknown) => note?.(`at the end: ${messageOf(error)}`));
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
        if (kind === "settings") throw needsMending(this.#who, new Failure("log", kind, error));
        if (isHeld) await this.#standBy(signal);
        else this.#meter.failed("log", kind, error);
        const standbyMs = (isHeld ? error.retryAfterMs : undefined) ?? STANDBY_MS;
        await clock.sleep(isHeld ? standbyMs : this.#retries.failed().ms, signal);
      }
    }
    return undefined;
  }

  /** Somebody else has the lane: what is known of it is shown. */
  async #standBy(signal: AbortSignal): Promise<void> {
    this.#retries.progress();
    const holder = await this.#options.groupLane.holder(signal).catch(() => undefined);
    this.#isHeldElsewhere = true;
    this.#meter.standsBy(holder);
  }

  get #who(): string {
    return `sink ${this.name} (${this.status.target})`;
  }

  #parts(): LeaseHolderParts<Mutation> {
    const { name, scope, sink, source, groupLane, deadLetters, clock, start, note } = this.#options;
    return {
      name,
      scope,
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
      jobs: this.#jobs,
      pause: this.#pause,
      note: (text) => note?.(text),
    };
  }
}

function askThePlace(name: string): string {
  return `; \`annals sink compare ${name} --file FILE\` asks the place itself, by the file of the sinks`;
}
