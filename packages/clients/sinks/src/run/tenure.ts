import type { LaneGrant, StoredRecord } from "@annals/client";
import { messageOf } from "../messageOf.ts";
import { recordHash } from "../recordHash.ts";
import { sameCursor } from "../sink.ts";
import type { Chunk, Sink, SinkCursor } from "../sink.ts";
import { SinkError } from "../sinkError.ts";
import { findOut } from "./blame.ts";
import { packChunks } from "./chunkPacker.ts";
import type { ChunkCaps, PackedChunk, PlannedRecord } from "./chunkPacker.ts";
import { checkHistory } from "./history.ts";
import { Isolation } from "./isolation.ts";
import {
  classifyLogError,
  Failure,
  Fenced,
  needsMending,
  takesNothing,
  tooManyLetters,
  unknownFailure,
} from "./stops.ts";
import type { TenureParts } from "./tenureParts.ts";

/** Records without mutations are passed over by so many at a time. */
const RECORDS_MAX = 1_000;
const COMMIT_EVERY_MS = 1_000;
const IDLE_MS = 10_000;

interface Unsettled<Mutation> {
  readonly chunk: Chunk<Mutation>;
  /** Whether it only passes a dead letter. */
  readonly buries: boolean;
}

interface Refused<Mutation> {
  readonly chunk: PackedChunk<Mutation>;
  readonly error: unknown;
}

/**
 * Follows the log while a lane is held. All that it keeps is the cursor: after a failure the log is read again behind it, so however long
 * the sink is away, nothing gathers here.
 */
export class Tenure<Mutation> {
  readonly #parts: TenureParts<Mutation>;
  readonly #grant: LaneGrant;
  readonly #signal: AbortSignal;
  readonly #isolation = new Isolation();
  #sink: Sink<Mutation>;
  #cursor: SinkCursor | undefined;
  /** Was given to the sink, which has not said that it is written. */
  #unsettled: Unsettled<Mutation> | undefined;
  /** Could not be written because of what is in it. */
  #refused: Refused<Mutation> | undefined;
  /** Transactions that were refused so since the last dead letter. */
  #refusals = 0;
  /** Everything up to here is done with, also what belongs to other lanes. */
  #passed = 0;
  #committed: number;
  #committedMs: number;

  constructor(parts: TenureParts<Mutation>, grant: LaneGrant, signal: AbortSignal) {
    this.#parts = parts;
    this.#grant = grant;
    this.#signal = signal;
    this.#sink = this.#newSink();
    this.#committed = grant.position;
    this.#committedMs = parts.clock.now();
  }

  /** Ends by throwing only: `Fenced`, a `SinkError` that stops the sink, or the reason of the signal. */
  async run(): Promise<never> {
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        await this.#whilePaused();
        this.#signal.throwIfAborted();
        if (this.#cursor === undefined) this.#cursor = await this.#open();
        else {
          await this.#step();
          // While a bad record is searched for, the next one that is written tells.
          if (this.#refusals === 0) this.#parts.meter.state = "running";
        }
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!(error instanceof Failure)) throw error;
        await this.#failed(error);
      }
    }
  }

  /** Lets the lane's position follow the cursor, and the sink go. Rejects with a `ClientError`; the position is then that of before. */
  async close(): Promise<void> {
    try {
      await this.#commit(AbortSignal.timeout(this.#grant.leaseMs));
    } finally {
      await this.#sink.close();
    }
  }

  async #whilePaused(): Promise<void> {
    const { pause, meter } = this.#parts;
    if (!pause.isAsked) return;
    meter.state = "paused";
    await pause.over(this.#signal);
    if (!this.#signal.aborted) meter.state = "running";
  }

  get #who(): string {
    return `sink ${this.#parts.name} (${this.#sink.target})`;
  }

  /** Reads the stored cursor, checks that it is one of this log, and takes it over, which shuts out whoever wrote before. */
  async #open(): Promise<SinkCursor> {
    const { source, meter, start, scope } = this.#parts;
    this.#unsettled = undefined;
    const stored = await this.#opened();
    const { firstSeq, lastSeq } = await this.#logCall(() => source.range(this.#signal));
    const mark = { settings: this.#sink.settings, epoch: this.#grant.token, scope };
    let at: SinkCursor;
    if (stored === undefined) {
      const asked = await this.#logCall(() => start(this.#grant, this.#signal));
      const seq = Math.max(firstSeq - 1, asked);
      at = {
        ...mark,
        seq,
        part: 0,
        recordHash: await this.#hashAt(seq),
        anchor: this.#firstAnchor(seq),
      };
    } else {
      const hashAt = (seq: number): Promise<string> => this.#hashAt(seq);
      await checkHistory(stored, { ...mark, who: this.#who, firstSeq, lastSeq, hashAt });
      at = { ...stored, ...mark };
    }
    await this.#apply({ expected: stored, next: at, mutations: [], records: 0, bytes: 0 }, false);
    this.#passed = at.seq;
    meter.logEnds(lastSeq);
    meter.opened(at);
    // Else the first record tells whether it runs.
    if (at.seq >= lastSeq) meter.progress();
    return at;
  }

  /** Where the group's position is all that is kept, the record there has arrived, unless the group begins there. */
  #firstAnchor(seq: number): number {
    const { position, begin } = this.#grant;
    const isKept = this.#sink.probing === "repeated" && seq === position;
    return isKept && position > begin ? seq : 0;
  }

  /** A sink that could not be opened is let go, and another one is made. */
  async #opened(): Promise<SinkCursor | undefined> {
    try {
      return await this.#sinkCall(() => this.#sink.open(this.#signal));
    } catch (error) {
      await this.#sink.close();
      this.#sink = this.#newSink();
      throw error;
    }
  }

  #newSink(): Sink<Mutation> {
    const sink = this.#parts.sink();
    this.#parts.meter.counts(() => sink.counts?.());
    return sink;
  }

  /** Empty for a record that the log does not have. */
  async #hashAt(seq: number): Promise<string> {
    if (seq < 1) return "";
    const record = await this.#logCall(() => this.#parts.source.record(seq, this.#signal));
    return record === undefined ? "" : recordHash(record);
  }

  async #step(): Promise<void> {
    const { source, meter, limits } = this.#parts;
    await this.#settle();
    if (this.#refused !== undefined) return this.#judge(this.#refused);
    const job = this.#parts.nextJob();
    // What goes wrong with it is told to whoever asked.
    if (job !== undefined && this.#cursor !== undefined)
      return job.run(this.#sink, this.#cursor, this.#signal);
    const waitMs = this.#passed > this.#committed ? COMMIT_EVERY_MS : IDLE_MS;
    const reading = await this.#parts.pause.interrupting(this.#signal, (signal) =>
      this.#logCall(() => source.read(this.#passed + 1, limits.readBytes, waitMs, signal)),
    );
    if (reading === undefined) return undefined;
    meter.read(reading);
    const written = await this.#write(reading.records);
    if (written) this.#pass(Math.max(this.#passed, reading.to), 0);
    await this.#commitNowAndThen(reading.records.length === 0);
    return undefined;
  }

  /** False when a record among them cannot be written: the rest is read again when that is settled. */
  async #write(records: readonly StoredRecord[]): Promise<boolean> {
    const { limits, size, meter } = this.#parts;
    const sink = this.#sink;
    const start = this.#cursor;
    if (start === undefined) return false;
    const unplanned: { readonly record: StoredRecord; readonly error: unknown }[] = [];
    function* planned(): Generator<PlannedRecord<Mutation>, void> {
      for (const record of records) {
        try {
          const mutations = sink.plan(record);
          yield { seq: record.seq, hash: recordHash(record), mutations };
        } catch (error) {
          // What lies before it is written first.
          unplanned.push({ record, error });
          return;
        }
      }
    }
    const caps = (): ChunkCaps => ({
      items: size.items,
      bytes: limits.chunkBytes,
      records: this.#isolation.recordsMax(RECORDS_MAX),
    });
    for (const chunk of packChunks(planned(), start, caps, (mutation) => sink.weigh(mutation))) {
      if (this.#parts.pause.isAsked) return false;
      try {
        await this.#apply(chunk, false);
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== "data") throw error;
        if (chunk.mutations.length === 0) throw error;
        meter.failed("sink", "data", error.cause);
        this.#refused = { chunk, error: error.cause };
        this.#refusals++;
        return false;
      }
      await this.#commitNowAndThen(false);
    }
    for (const { record, error } of unplanned) {
      meter.failed("sink", "data", error);
      await this.#assertToBlame(record.seq, error);
      await this.#bury(record.seq, recordHash(record), error);
    }
    return unplanned.length === 0;
  }

  /** One transaction. What the sink does not say about it is found out by `#settle`. */
  async #apply(chunk: Chunk<Mutation>, buries: boolean): Promise<void> {
    const { clock, meter, size } = this.#parts;
    const beganMs = clock.now();
    this.#unsettled = { chunk, buries };
    await this.#sinkCall(() => this.#sink.apply(chunk, this.#signal));
    const ms = clock.now() - beganMs;
    size.took(chunk.mutations.length, ms);
    meter.wrote(chunk.mutations.length, chunk.bytes, ms, size.items);
    this.#took(chunk, buries);
  }

  #took(chunk: Chunk<Mutation>, buries: boolean): void {
    const { meter, retries } = this.#parts;
    const { next, records } = chunk;
    this.#unsettled = undefined;
    this.#refused = undefined;
    if (buries) this.#isolation.found();
    else this.#isolation.wrote(records);
    if (buries) this.#refusals = 0;
    retries.progress();
    // The first one only takes the database over.
    if (this.#cursor === undefined) return;
    meter.progress();
    this.#cursor = next;
    this.#pass(Math.max(this.#passed, next.seq), records);
    meter.moved(next, buries ? { applied: 0, dead: records } : { applied: records, dead: 0 });
  }

  /** Everything up to `to` is done with, `records` of it just now; what else there is belongs to other lanes. */
  #pass(to: number, records: number): void {
    const others = this.#grant.lanes > 1 ? to - this.#passed - records : 0;
    this.#parts.meter.passed(to, others);
    this.#passed = to;
  }

  /** After a failure the stored cursor tells whether the transaction took effect. */
  async #settle(): Promise<void> {
    if (this.#unsettled === undefined) return;
    const { chunk, buries } = this.#unsettled;
    const { meter, size } = this.#parts;
    const stored = await this.#sinkCall(() => this.#sink.cursor(this.#signal));
    if (sameCursor(stored, chunk.next)) {
      meter.ambiguousApplied++;
      meter.wrote(chunk.mutations.length, chunk.bytes, 0, size.items);
      this.#took(chunk, buries);
    } else if (sameCursor(stored, chunk.expected)) this.#unsettled = undefined;
    else throw new Fenced("database", "somebody else has moved the stored cursor");
  }

  /** A chunk was refused for what is in it: one record is a dead letter, of several records half are tried. */
  async #judge({ chunk, error }: Refused<Mutation>): Promise<void> {
    const { seqs, next } = chunk;
    const [seq] = seqs;
    if (seqs.length > 1 || seq === undefined) {
      this.#isolation.begin(seqs.length);
      this.#refused = undefined;
      return;
    }
    await this.#assertToBlame(seq, error);
    await this.#bury(seq, next.seq === seq ? next.recordHash : await this.#hashAt(seq), error);
  }

  /** A record is bad only if others are taken: what refuses all of them is the place, and stops the sink. */
  async #assertToBlame(seq: number, error: unknown): Promise<void> {
    const { source } = this.#parts;
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    const signal = this.#signal;
    const asked = { sink: this.#sink, source, cursor, seq, signal, mayArrive: true };
    const { takesOthers, tried } = await this.#logCall(() => findOut(asked));
    if (!takesOthers) throw takesNothing(this.#who, seq, tried, error);
  }

  /** Writes a dead letter, and only then passes the record. */
  async #bury(seq: number, hash: string, error: unknown): Promise<void> {
    const { deadLetters, limits, meter, note } = this.#parts;
    const cursor = this.#cursor;
    if (cursor === undefined) return;
    const message = messageOf(error);
    const allowed = Math.max(limits.deadLettersMax, meter.handled * limits.deadLettersPart);
    if (meter.deadLetters + 1 > allowed)
      throw tooManyLetters(this.#who, meter.deadLetters, message);
    const { settings } = this.#sink;
    const attempts = this.#refusals;
    const letter = { seq, class: "data", message, attempts, part: cursor.part, settings } as const;
    await this.#logCall(() => deadLetters.write(letter, this.#signal));
    note(`record ${seq} is a dead letter: ${message}`);
    const next = { ...cursor, seq, part: 0, recordHash: hash };
    await this.#apply({ expected: cursor, next, mutations: [], records: 1, bytes: 0 }, true);
    // A sink that keeps no cursor goes on at the group's position: it should not come to the same letter again.
    await this.#commitNowAndThen(true);
  }

  async #commitNowAndThen(idle: boolean): Promise<void> {
    const { clock } = this.#parts;
    if (!idle && clock.now() - this.#committedMs < COMMIT_EVERY_MS) return;
    this.#committedMs = clock.now();
    await this.#logCall(() => this.#commit(this.#signal));
    if (!idle) await this.#logCall(() => this.#measureLag());
  }

  async #measureLag(): Promise<void> {
    const { source, meter } = this.#parts;
    meter.logEnds((await source.range(this.#signal)).lastSeq);
  }

  async #commit(signal: AbortSignal): Promise<void> {
    const position = this.#passed;
    if (position <= this.#committed) return;
    await this.#parts.lane.commit(this.#grant, position, signal);
    this.#committed = position;
  }

  async #failed(failure: Failure): Promise<void> {
    const { meter, retries, size, clock, note } = this.#parts;
    const { at, kind, cause } = failure;
    meter.failed(at, kind, cause);
    if (kind === "fenced") throw new Fenced(at === "log" ? "lane" : "database", messageOf(cause));
    if (kind === "settings") throw needsMending(this.#who, failure);
    if (kind === "tooLarge")
      size.wasTooLarge(this.#unsettled?.chunk.mutations.length ?? size.items);
    // Refused for its content, though it has none: nobody knows what that means.
    const isUnknown = kind === "unknown" || kind === "data";
    const wait = isUnknown
      ? retries.failedForUnknownReason()
      : retries.failed(at === "sink" ? this.#sink.retryAfterMs?.(cause) : 0);
    if (wait === undefined) throw unknownFailure(this.#who, cause);
    if (wait.backingOff && meter.state !== "backing-off") note(`backing off: ${messageOf(cause)}`);
    if (wait.backingOff) meter.state = "backing-off";
    meter.retries = retries.failures;
    // How far the sink is behind while it is away; if the log is away as well, nobody knows.
    if (wait.backingOff) await this.#measureLag().catch(() => undefined);
    await this.#parts.pause.interrupting(this.#signal, (signal) => clock.sleep(wait.ms, signal));
  }

  async #sinkCall<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof SinkError) throw error;
      throw new Failure("sink", this.#sink.classify(error), error);
    }
  }

  async #logCall<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Failure || error instanceof SinkError) throw error;
      throw new Failure("log", classifyLogError(error), error);
    }
  }
}
