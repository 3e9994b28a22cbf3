import type { StoredRecord } from "@annals/client";
import type { FailureClass, SinkCounts, SinkPosition } from "../sink.ts";
import type { HeldBy, Reading } from "./ports.ts";
import { codeOf, messageOf } from "../messageOf.ts";

/**
 * `standby`: somebody else has the lane, or nobody was asked yet. `backing-off`: the fast retries have failed; the next one comes after a
 * while. `paused`: somebody asked for that. `failed`: stopped, until somebody mends what `lastError` says and starts it again.
 */
export type SinkState = "standby" | "running" | "backing-off" | "paused" | "failed" | "stopped";

export interface SinkFailure {
  /** `log`: the failure is that of the cluster, not of the sink. */
  readonly at: "sink" | "log";
  readonly class: FailureClass;
  readonly code: string | undefined;
  readonly message: string;
  /** RFC 3339. */
  readonly time: string;
}

/** One runner of one lane, as `annals sink show` prints it. Counts are since the runner began. */
export interface SinkStatus {
  readonly name: string;
  readonly log: string;
  /** What it writes to: kind and address, without secrets. */
  readonly target: string;
  /** The log that takes its dead letters. */
  readonly letters: string;
  readonly group: string;
  readonly lane: number;
  readonly state: SinkState;
  /** Everything up to `seq`, and `part` mutations of the next record, is in the sink; null before it was opened. */
  readonly position: SinkPosition | null;
  /** Who has the lane while this one stands by; null: nobody is known to. */
  readonly holder: string | null;
  /** While it stands by, `records` is that of the lane, as its holder has committed it. */
  readonly lag: {
    readonly records: number;
    /** Age of the oldest record that is behind, as far as that is known; 0 when nothing is behind. */
    readonly seconds: number;
    /** By the mean size of the records read so far. */
    readonly bytes: number;
  };
  readonly applied: number;
  readonly deadLetters: number;
  /** Records that are passed and neither applied nor dead letters: anything but 0 is a bug, or a hole in the log. */
  readonly residual: number;
  readonly chunks: {
    readonly count: number;
    /** Mutations that were written. */
    readonly items: number;
    readonly bytes: number;
    readonly itemsMax: number;
    readonly bytesMax: number;
    readonly lastMs: number;
    readonly msMax: number;
    /** Items that the next one may have. */
    readonly sizeNow: number;
  };
  /** What its sinks have counted of their own. */
  readonly counts: SinkCounts;
  /** Transactions that failed, by what the failure meant. */
  readonly failures: Readonly<Record<FailureClass, number>>;
  /** Failures since the last progress. */
  readonly retries: number;
  /** Transactions of which the stored cursor told that they had taken effect after all. */
  readonly ambiguousApplied: number;
  readonly lastError: SinkFailure | null;
}

const NO_FAILURES: Readonly<Record<FailureClass, number>> = {
  transient: 0,
  conflict: 0,
  tooLarge: 0,
  data: 0,
  fenced: 0,
  settings: 0,
  unknown: 0,
};

const NO_COUNTS: SinkCounts = { statements: 0, cacheHits: 0, cacheMisses: 0, stubs: 0 };

type Named = Pick<SinkStatus, "name" | "log" | "target" | "letters" | "group" | "lane">;

/** What a runner counts. Only the runner writes. */
export class SinkMeter {
  readonly #named: Named;
  readonly #wall: () => number;
  /** Of sinks that are closed by now. */
  #counted: SinkCounts = NO_COUNTS;
  #counting: () => SinkCounts | undefined = () => undefined;
  #state: SinkState = "standby";
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();
  #holder: HeldBy | undefined;
  retries = 0;
  ambiguousApplied = 0;
  /** The position at which counting began. */
  #base: number | undefined;
  /** Everything from there up to here is applied, a dead letter, or of another lane. */
  #passed = 0;
  #applied = 0;
  #deadLetters = 0;
  #others = 0;
  #position: SinkPosition | undefined;
  #lastSeq = 0;
  /** Position of the lane when it was granted last: where the sink is at least. */
  #granted: number | undefined;
  /** When the oldest record that waits was recorded, as far as that is known: of the last reading the first one. */
  #oldestMs: number | undefined;
  #readRecords = 0;
  #readBytes = 0;
  #lastError: SinkFailure | undefined;
  readonly #failures: Record<FailureClass, number> = { ...NO_FAILURES };
  #chunks: SinkStatus["chunks"] = {
    count: 0,
    items: 0,
    bytes: 0,
    itemsMax: 0,
    bytesMax: 0,
    lastMs: 0,
    msMax: 0,
    sizeNow: 0,
  };

  constructor(named: Named, wall: () => number) {
    this.#named = named;
    this.#wall = wall;
  }

  get state(): SinkState {
    return this.#state;
  }

  set state(state: SinkState) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when the state is another one, or somebody else is known to have the lane. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Another sink counts from now on. */
  counts(counting: () => SinkCounts | undefined): void {
    this.#counted = this.#allCounts();
    this.#counting = counting;
  }

  #allCounts(): SinkCounts {
    const now = this.#counting() ?? NO_COUNTS;
    const { statements, cacheHits, cacheMisses, stubs } = this.#counted;
    return {
      statements: statements + now.statements,
      cacheHits: cacheHits + now.cacheHits,
      cacheMisses: cacheMisses + now.cacheMisses,
      stubs: stubs + now.stubs,
    };
  }

  /** Somebody else has the lane; undefined: nobody knows who. */
  standsBy(holder: HeldBy | undefined): void {
    this.#holder = holder;
    this.#tell();
  }

  get deadLetters(): number {
    return this.#deadLetters;
  }

  /** Records that are done with: applied, or dead letters. */
  get handled(): number {
    return this.#applied + this.#deadLetters;
  }

  /** The lane is held here; its sink is not open yet. */
  granted(position: number): void {
    this.#granted = position;
  }

  /** The sink is open: counting goes on, or begins anew if the position is not the one that was left. */
  opened({ seq, part }: SinkPosition): void {
    if (this.#base === undefined || seq !== this.#passed) {
      this.#base = seq;
      this.#passed = seq;
      this.#applied = 0;
      this.#deadLetters = 0;
      this.#others = 0;
    }
    this.#position = { seq, part };
    this.#holder = undefined;
  }

  moved(
    { seq, part }: SinkPosition,
    done: { readonly applied: number; readonly dead: number },
  ): void {
    this.#applied += done.applied;
    this.#deadLetters += done.dead;
    this.#position = { seq, part };
  }

  /** Everything up to `seq` is done with, `others` of it by belonging to other lanes. */
  passed(seq: number, others: number): void {
    this.#passed = seq;
    this.#others += others;
  }

  progress(): void {
    this.retries = 0;
    this.state = "running";
  }

  read({ records, to, bytes }: Reading): void {
    this.#readRecords += records.length;
    this.#readBytes += bytes;
    this.logEnds(to);
    const [oldest] = records;
    this.#oldestMs = oldest === undefined ? undefined : Date.parse(oldest.recordedAt);
  }

  logEnds(lastSeq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
  }

  /** Seq of the first record that waits; undefined while none is known to, and while readings tell how old it is. */
  get waitsFrom(): number | undefined {
    const isReading = this.#state === "running" || this.#state === "standby";
    return isReading || this.#pending === 0 ? undefined : this.#done + 1;
  }

  /** `record` is the oldest one from `seq` on, if that is still where the sink is. */
  oldestWaits(seq: number, { recordedAt }: Pick<StoredRecord, "recordedAt">): void {
    if (this.waitsFrom === seq) this.#oldestMs = Date.parse(recordedAt);
  }

  get #done(): number {
    return this.#base === undefined ? (this.#granted ?? this.#lastSeq) : this.#passed;
  }

  get #pending(): number {
    return Math.max(0, this.#lastSeq - this.#done);
  }

  wrote(items: number, bytes: number, ms: number, sizeNow: number): void {
    const { count, itemsMax, bytesMax, msMax, ...sums } = this.#chunks;
    this.#chunks = {
      count: count + 1,
      items: sums.items + items,
      bytes: sums.bytes + bytes,
      itemsMax: Math.max(itemsMax, items),
      bytesMax: Math.max(bytesMax, bytes),
      lastMs: ms,
      msMax: Math.max(msMax, ms),
      sizeNow,
    };
  }

  failed(at: SinkFailure["at"], kind: FailureClass, error: unknown): void {
    if (at === "sink") this.#failures[kind]++;
    this.#lastError = this.#failure(at, kind, error);
  }

  stopped(error: unknown): void {
    const { at, class: kind } = this.#lastError ?? { at: "sink", class: "settings" };
    this.#lastError = this.#failure(at, kind, error);
  }

  #failure(at: SinkFailure["at"], kind: FailureClass, error: unknown): SinkFailure {
    const time = new Date(this.#wall()).toISOString();
    return { at, class: kind, code: codeOf(error), message: messageOf(error), time };
  }

  status(): SinkStatus {
    const pending = this.#pending;
    const oldestMs = pending === 0 ? undefined : this.#oldestMs;
    return {
      ...this.#named,
      state: this.#state,
      position: this.#position ?? null,
      holder: this.#holder?.member ?? null,
      lag: {
        records: this.#state === "standby" ? (this.#holder?.lag ?? pending) : pending,
        seconds: oldestMs === undefined ? 0 : Math.max(0, (this.#wall() - oldestMs) / 1000),
        bytes: Math.round((pending * this.#readBytes) / Math.max(1, this.#readRecords)),
      },
      applied: this.#applied,
      deadLetters: this.#deadLetters,
      residual: this.#passed - (this.#base ?? 0) - this.handled - this.#others,
      chunks: this.#chunks,
      counts: this.#allCounts(),
      failures: { ...this.#failures },
      retries: this.retries,
      ambiguousApplied: this.ambiguousApplied,
      lastError: this.#lastError ?? null,
    };
  }
}
