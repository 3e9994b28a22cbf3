import type { LaneGrant } from "@annals/client";
import { messageOf } from "../messageOf.ts";
import { sameCursor } from "../sink.ts";
import type { Chunk, Sink, SinkCursor } from "../sink.ts";
import { chunkRecordsMax } from "./bisection.ts";
import type { Bisection } from "./bisection.ts";
import { callLog, callSink, hashAt } from "./calls.ts";
import { LanePosition } from "./lanePosition.ts";
import type { LeaseHolderParts } from "./leaseHolderParts.ts";
import { probeOthers } from "./probeOthers.ts";
import { ReadingChunks } from "./readingChunks.ts";
import type { Wait } from "./retries.ts";
import { isPausable, next } from "./states.ts";
import type {
  Committing,
  DeadLettering,
  HolderEvent,
  HolderState,
  Packing,
  Passing,
  Probing,
  Reading,
  Settling,
  Writing,
} from "./states.ts";
import {
  Failure,
  Fenced,
  needsMending,
  takesNothing,
  tooManyDeadLetters,
  unknownFailure,
} from "./stops.ts";
import { claim } from "./takeOver.ts";

/** Records without mutations are passed over by so many at a time. */
const RECORDS_MAX = 1_000;

/**
 * Follows the log while a lane is held: does what its state says, and lets `next` say what comes then. All that it keeps over a failure is
 * the cursor: the log is read again behind it, so however long the sink is away, nothing gathers here.
 */
export class LeaseHolder<Mutation> {
  readonly #parts: LeaseHolderParts<Mutation>;
  readonly #grant: LaneGrant;
  readonly #signal: AbortSignal;
  readonly #position: LanePosition;
  #sink: Sink<Mutation>;

  /** `signal` aborts when the lane is lost, with the reason. */
  constructor(parts: LeaseHolderParts<Mutation>, grant: LaneGrant, signal: AbortSignal) {
    this.#parts = parts;
    this.#grant = grant;
    this.#signal = signal;
    this.#position = new LanePosition(parts.lane, grant, parts.clock);
    this.#sink = this.#newSink();
  }

  /** Ends by throwing only: `Fenced`, a `SinkError` that stops the sink, or the reason of the signal. */
  async run(): Promise<never> {
    let state: HolderState<Mutation> = { kind: "opening" };
    for (;;) {
      this.#signal.throwIfAborted();
      state = next(state, await this.#event(state));
      if (state.kind === "ended") throw state.error;
    }
  }

  /** Lets the lane's position follow, and the sink go. Rejects with a `ClientError`; the position is then that of before. */
  async close(): Promise<void> {
    try {
      await this.#position.commit(AbortSignal.timeout(this.#grant.leaseMs));
    } finally {
      await this.#sink.close();
    }
  }

  async #event(state: HolderState<Mutation>): Promise<HolderEvent<Mutation>> {
    if (this.#parts.pause.isAsked && isPausable(state)) return { kind: "pauseAsked" };
    try {
      return await this.#perform(state);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof Failure) return this.#failed(state, error);
      return { kind: "stopped", error };
    }
  }

  #perform(state: HolderState<Mutation>): Promise<HolderEvent<Mutation>> | HolderEvent<Mutation> {
    switch (state.kind) {
      case "opening":
        return this.#open();
      case "reading":
        return this.#read(state);
      case "packing":
        return this.#pack(state);
      case "writing":
      case "passing":
        return this.#write(state);
      case "committing":
        return this.#commit(state);
      case "settling":
        return this.#settle(state);
      case "probing":
        return this.#probe(state);
      case "deadLettering":
        return this.#writeDeadLetter(state);
      case "backingOff":
        return this.#backOff(state.wait);
      case "paused":
        return this.#whilePaused();
      case "ended":
        throw state.error;
      default:
        return state satisfies never;
    }
  }

  /** Takes the place over where its stored cursor is. */
  async #open(): Promise<HolderEvent<Mutation>> {
    const { source, start, scope, meter, retries } = this.#parts;
    const stored = await this.#openSink();
    const place = { who: this.#who, sink: this.#sink, stored };
    const { chunk, lastSeq } = await claim(
      { ...place, source, grant: this.#grant, scope, start },
      this.#signal,
    );
    await this.#transaction(chunk);
    retries.progress();
    const cursor = chunk.next;
    this.#position.pass(cursor.seq);
    meter.logEnds(lastSeq);
    meter.opened(cursor);
    // Else the first record tells whether it runs.
    if (cursor.seq >= lastSeq) meter.progress();
    return { kind: "opened", cursor };
  }

  /** A sink that could not be opened is let go, and another one is made. */
  async #openSink(): Promise<SinkCursor | undefined> {
    try {
      return await callSink(this.#sink, () => this.#sink.open(this.#signal));
    } catch (error) {
      await this.#sink.close();
      this.#sink = this.#newSink();
      throw error;
    }
  }

  async #read({ progress }: Reading): Promise<HolderEvent<Mutation>> {
    const { source, meter, limits, pause } = this.#parts;
    const { cursor, bisection } = progress;
    const job = this.#parts.jobs.next();
    if (job !== undefined) {
      // What goes wrong with it is told to whoever asked.
      if (job.kind === "look") await job.run(this.#sink, this.#signal);
      else await job.run(this.#sink, cursor, this.#signal);
      this.#showRunning(bisection);
      return { kind: "jobDone" };
    }
    const { passed, readWaitMs } = this.#position;
    const found = await pause.interrupting(this.#signal, (signal) =>
      callLog(() => source.read(passed + 1, limits.readBytes, readWaitMs, signal)),
    );
    if (found === undefined) {
      this.#showRunning(bisection);
      return { kind: "interrupted" };
    }
    meter.read(found);
    return { kind: "read", chunks: new ReadingChunks(found, cursor, this.#sink) };
  }

  #pack({ progress, chunks }: Packing<Mutation>): HolderEvent<Mutation> {
    const { size, limits, meter } = this.#parts;
    const taken = chunks.take({
      items: size.items,
      bytes: limits.chunkBytes,
      records: chunkRecordsMax(progress.bisection, RECORDS_MAX),
    });
    if (taken.kind === "unplannable") meter.failed("sink", "data", taken.suspect.error);
    if (taken.kind === "exhausted") this.#pass(chunks.to, 0);
    return taken;
  }

  async #write(state: Writing<Mutation> | Passing<Mutation>): Promise<HolderEvent<Mutation>> {
    const { chunk } = state;
    try {
      await this.#transaction(chunk);
    } catch (error) {
      const isRefused = error instanceof Failure && error.kind === "data";
      // Refused for its content, though it has none: nobody knows what that means.
      if (!isRefused || chunk.mutations.length === 0) throw error;
      this.#parts.meter.failed("sink", "data", error.cause);
      return { kind: "refused", error: error.cause };
    }
    this.#account(chunk, state.kind);
    return { kind: "written" };
  }

  /** What the sink does not say about it is found out by `#settle`. */
  async #transaction(chunk: Chunk<Mutation>): Promise<void> {
    const { clock, meter, size } = this.#parts;
    const beganMs = clock.now();
    await callSink(this.#sink, () => this.#sink.apply(chunk, this.#signal));
    const ms = clock.now() - beganMs;
    size.took(chunk.mutations.length, ms);
    meter.wrote(chunk.mutations.length, chunk.bytes, ms, size.items);
  }

  /** A transaction took effect. */
  #account({ next: cursor, records }: Chunk<Mutation>, kind: "writing" | "passing"): void {
    const { meter, retries } = this.#parts;
    retries.progress();
    meter.progress();
    this.#pass(cursor.seq, records);
    const isLetter = kind === "passing";
    meter.moved(cursor, isLetter ? { applied: 0, dead: records } : { applied: records, dead: 0 });
  }

  /** Everything up to `to` is done with, `records` of it just now; what else there is belongs to other lanes. */
  #pass(to: number, records: number): void {
    const before = this.#position.passed;
    this.#position.pass(to);
    const { passed } = this.#position;
    this.#parts.meter.passed(passed, this.#grant.lanes > 1 ? passed - before - records : 0);
  }

  async #commit({ when, after }: Committing<Mutation>): Promise<HolderEvent<Mutation>> {
    if (when === "now" || this.#position.isDue) {
      await callLog(() => this.#position.commit(this.#signal));
      if (when === "due") await callLog(() => this.#measureLag());
    }
    if (after.kind === "reading") this.#showRunning(after.progress.bisection);
    return { kind: "committed" };
  }

  /** While a bad record is searched for, the next one that is written tells whether the sink runs. */
  #showRunning({ refusals }: Bisection): void {
    if (refusals === 0) this.#parts.meter.state = "running";
  }

  async #settle({ chunk, of }: Settling<Mutation>): Promise<HolderEvent<Mutation>> {
    const { meter, size } = this.#parts;
    const stored = await callSink(this.#sink, () => this.#sink.cursor(this.#signal));
    if (sameCursor(stored, chunk.next)) {
      meter.ambiguousApplied++;
      meter.wrote(chunk.mutations.length, chunk.bytes, 0, size.items);
      this.#account(chunk, of);
      return { kind: "settled", isApplied: true };
    }
    if (sameCursor(stored, chunk.expected)) return { kind: "settled", isApplied: false };
    throw new Fenced("database", "somebody else has moved the stored cursor");
  }

  /** A record is bad only if others are taken: what refuses all of them is the place, and stops the sink. */
  async #probe({ progress, suspect }: Probing): Promise<HolderEvent<Mutation>> {
    const { source } = this.#parts;
    const { seq, error } = suspect;
    const sink = this.#sink;
    const signal = this.#signal;
    const asked = { sink, source, cursor: progress.cursor, seq, signal, mayArrive: true };
    const { takesOthers, tried } = await callLog(() => probeOthers(asked));
    if (!takesOthers) throw takesNothing(this.#who, seq, tried, error);
    const hash = suspect.hash ?? (await callLog(() => hashAt(source, seq, signal)));
    return { kind: "proven", hash };
  }

  async #writeDeadLetter({ progress, suspect }: DeadLettering): Promise<HolderEvent<Mutation>> {
    const { deadLetters, limits, meter, note } = this.#parts;
    const { seq } = suspect;
    const message = messageOf(suspect.error);
    const allowed = Math.max(limits.deadLettersMax, meter.handled * limits.deadLettersPart);
    if (meter.deadLetters + 1 > allowed)
      throw tooManyDeadLetters(this.#who, meter.deadLetters, message);
    const { settings } = this.#sink;
    const { refusals: attempts } = progress.bisection;
    const { part } = progress.cursor;
    const letter = { seq, class: "data", message, attempts, part, settings } as const;
    await callLog(() => deadLetters.write(letter, this.#signal));
    note(`record ${seq} is a dead letter: ${message}`);
    return { kind: "recorded" };
  }

  async #whilePaused(): Promise<HolderEvent<Mutation>> {
    const { pause, meter, jobs } = this.#parts;
    meter.state = "paused";
    const look = jobs.nextLook();
    if (look !== undefined) {
      await look.run(this.#sink, this.#signal);
      return { kind: "jobDone" };
    }
    if (pause.isAsked) {
      await pause.woken(this.#signal);
      return { kind: "interrupted" };
    }
    meter.state = "running";
    return { kind: "resumed" };
  }

  /** What a failure leads to: another try after a wait, or the end. */
  #failed(state: HolderState<Mutation>, failure: Failure): HolderEvent<Mutation> {
    const { meter, retries, size, note } = this.#parts;
    const { at, kind, cause } = failure;
    meter.failed(at, kind, cause);
    const stopped = (error: unknown): HolderEvent<Mutation> => ({ kind: "stopped", error });
    if (kind === "fenced")
      return stopped(new Fenced(at === "log" ? "lane" : "database", messageOf(cause)));
    if (kind === "settings") return stopped(needsMending(this.#who, failure));
    if (kind === "tooLarge")
      size.wasTooLarge("chunk" in state ? state.chunk.mutations.length : size.items);
    const isUnknown = kind === "unknown" || kind === "data";
    const wait = isUnknown
      ? retries.failedForUnknownReason()
      : retries.failed(at === "sink" ? this.#sink.retryAfterMs?.(cause) : 0);
    if (wait === undefined) return stopped(unknownFailure(this.#who, cause));
    if (wait.backingOff && meter.state !== "backing-off") note(`backing off: ${messageOf(cause)}`);
    if (wait.backingOff) meter.state = "backing-off";
    meter.retries = retries.failures;
    return { kind: "failed", wait };
  }

  async #backOff({ ms, backingOff }: Wait): Promise<HolderEvent<Mutation>> {
    const { pause, clock } = this.#parts;
    // How far the sink is behind while it is away; if the log is away as well, nobody knows.
    if (backingOff) await this.#measureLag().catch(() => undefined);
    await pause.interrupting(this.#signal, (signal) => clock.sleep(ms, signal));
    return { kind: "waited" };
  }

  async #measureLag(): Promise<void> {
    const { source, meter } = this.#parts;
    meter.logEnds((await source.range(this.#signal)).lastSeq);
  }

  #newSink(): Sink<Mutation> {
    const sink = this.#parts.sink();
    this.#parts.meter.counts(() => sink.counts?.());
    return sink;
  }

  get #who(): string {
    return `sink ${this.#parts.name} (${this.#sink.target})`;
  }
}
