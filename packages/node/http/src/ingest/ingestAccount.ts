import { DrainMeter, Gauge } from "@annals/flow";
import type { GaugeFamily, GaugeReading } from "@annals/flow";
import { RepeatTable } from "./producerRepeats.ts";
import type { ProducerRepeats } from "./producerRepeats.ts";

/** What came in, for one log or for the whole node, since the process began. Counters never fall. */
export interface IngestReading {
  /** Bodies from their announcement to the answer. */
  readonly buffered: { readonly bytes: GaugeReading; readonly requests: GaugeReading };
  readonly accepted: {
    readonly requests: number;
    readonly records: number;
    readonly bytes: number;
  };
  /** Requests that were passed on to the leader; it counts what became of them. */
  readonly passedOn: number;
  /** Requests that were refused here, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Requests of producers that were in the log already. `streak`: since the last one that was new. */
  readonly repeats: { readonly total: number; readonly streak: number };
  /** Milliseconds that the oldest of the buffered requests has been here; 0 for none. */
  readonly oldestWaitingMs: number;
  /** How fast what is buffered is worked off; of times in which something is. */
  readonly drainBytesPerSecond: number;
}

export interface AcceptedRequest {
  readonly records: number;
  readonly bytes: number;
  readonly producer: string | undefined;
  readonly duplicate: boolean;
}

/** Requests under way and counts of those that were, for one log or for the whole node. */
export class IngestAccount {
  readonly #bytes: Gauge;
  readonly #requests: Gauge;
  readonly #drain = new DrainMeter();
  /** When each request under way began; the oldest first. */
  readonly #since = new Map<object, number>();
  readonly #accepted = { requests: 0, records: 0, bytes: 0 };
  #passedOn = 0;
  /** By code: as many as the errors of this program. */
  readonly #refused = new Map<string, number>();
  readonly #repeats = { total: 0, streak: 0 };
  readonly #producers = new RepeatTable();
  #used = false;

  constructor(capBytes: number, capRequests: number, family: GaugeFamily) {
    this.#bytes = new Gauge(capBytes, family);
    this.#requests = new Gauge(capRequests);
  }

  get heldBytes(): number {
    return this.#bytes.current;
  }

  get capBytes(): number {
    return this.#bytes.cap;
  }

  /** Nothing is under way, and nothing was ever carried out: no reason to remember it. */
  get unused(): boolean {
    return this.#since.size === 0 && !this.#used;
  }

  /**
   * Whether a request that holds `own` bytes may hold so many more. One of any size may when nothing else is held: a cap below it must not
   * block for ever.
   */
  admits(bytes: number, own: number): boolean {
    return this.heldBytes <= own || this.heldBytes + bytes <= this.capBytes;
  }

  begin(ticket: object, nowMs: number): void {
    this.#since.set(ticket, nowMs);
    this.#requests.add(1);
  }

  hold(bytes: number, nowMs: number): void {
    this.#bytes.add(bytes);
    this.#drain.begin(bytes, nowMs);
  }

  /** Gives a part of what a request holds back, which was not worked off. */
  shrink(bytes: number, nowMs: number): void {
    this.#bytes.remove(bytes);
    this.#drain.end(bytes, false, nowMs);
  }

  /** `settled`: it was carried out, here or by the leader. */
  end(ticket: object, bytes: number, settled: boolean, nowMs: number): void {
    this.#since.delete(ticket);
    this.#requests.remove(1);
    this.#bytes.remove(bytes);
    this.#drain.end(bytes, settled, nowMs);
    this.#used ||= settled;
  }

  /** Room that is not a request's, such as for the chunks of an upload. */
  reserve(bytes: number): void {
    this.#bytes.add(bytes);
  }

  release(bytes: number): void {
    this.#bytes.remove(bytes);
  }

  accepted({ records, bytes, producer, duplicate }: AcceptedRequest): void {
    if (duplicate) {
      this.#repeats.total++;
      this.#repeats.streak++;
      if (producer !== undefined) this.#producers.repeated(producer);
      return;
    }
    this.#accepted.requests++;
    this.#accepted.records += records;
    this.#accepted.bytes += bytes;
    if (producer === undefined) return;
    this.#repeats.streak = 0;
    this.#producers.succeeded(producer);
  }

  passedOn(): void {
    this.#passedOn++;
  }

  refused(code: string): void {
    this.#refused.set(code, (this.#refused.get(code) ?? 0) + 1);
  }

  waitMs(nowMs: number): number {
    return this.#drain.waitMs(nowMs);
  }

  producers(): readonly ProducerRepeats[] {
    return this.#producers.read();
  }

  read(nowMs: number): IngestReading {
    const [oldestMs = nowMs] = this.#since.values();
    return {
      buffered: { bytes: this.#bytes.read(), requests: this.#requests.read() },
      accepted: { ...this.#accepted },
      passedOn: this.#passedOn,
      refused: Object.fromEntries(this.#refused),
      repeats: { ...this.#repeats },
      oldestWaitingMs: Math.round(nowMs - oldestMs),
      drainBytesPerSecond: Math.round(this.#drain.perSecond(nowMs)),
    };
  }
}
