import { LogOracle } from "@annals/check";
import type { RecordId, Report } from "@annals/check";
import { asSeq, decodeBatchHeader } from "@annals/record";
import type { ProducerStamp } from "@annals/record";
import type { StoredEntry } from "@annals/replica";
import { decodeRecord } from "@annals/wire";

/** With the time at which it was noted. */
type Noted = HistoryEvent & { readonly atMs: number };

type HistoryEvent =
  | {
      readonly kind: "submitted";
      readonly request: number;
      readonly count: number;
      readonly stamp: ProducerStamp | undefined;
    }
  | { readonly kind: "refused"; readonly request: number }
  | {
      readonly kind: "acknowledged";
      readonly request: number;
      readonly firstSeq: number;
      readonly lastSeq: number;
    };

/** What the clients did and were told, in the order in which it happened in this process. */
export class History {
  readonly #events: Noted[] = [];
  readonly #now: () => number;
  #requests = 0;
  #acknowledged = 0;
  #refused = 0;
  #unknown = 0;
  #acknowledgedSeq = 0;
  #lastAckMs: number;
  #longestGapMs = 0;
  #running = true;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lastAckMs = now();
  }

  /** Call it before the request is sent; returns its number. */
  submit(count: number, stamp: ProducerStamp | undefined): number {
    const request = ++this.#requests;
    this.#note({ kind: "submitted", request, count, stamp });
    return request;
  }

  acknowledge(request: number, firstSeq: number, lastSeq: number): void {
    this.#note({ kind: "acknowledged", request, firstSeq, lastSeq });
    this.#acknowledged++;
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, lastSeq);
    this.#longestGapMs = this.longestGapMs;
    this.#lastAckMs = this.#now();
  }

  /** It is certain that nothing of it was accepted. */
  refuse(request: number): void {
    this.#note({ kind: "refused", request });
    this.#refused++;
  }

  /** The outcome stays unknown, for ever. */
  giveUp(): void {
    this.#unknown++;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get refused(): number {
    return this.#refused;
  }

  get unknown(): number {
    return this.#unknown;
  }

  /** The highest seq that anybody was told of. */
  get acknowledgedSeq(): number {
    return this.#acknowledgedSeq;
  }

  /** The longest time without any acknowledgement, the present one included while somebody asks for any. */
  get longestGapMs(): number {
    if (!this.#running) return this.#longestGapMs;
    return Math.max(this.#longestGapMs, this.#now() - this.#lastAckMs);
  }

  #note(event: HistoryEvent): void {
    this.#events.push({ ...event, atMs: Math.round(this.#now()) });
  }

  /** Everything, as JSON lines. */
  lines(): string {
    return this.#events.map((event) => `${JSON.stringify(event)}\n`).join("");
  }

  /** Preparations are over: gaps count from here on. */
  startClock(): void {
    this.#lastAckMs = this.#now();
    this.#longestGapMs = 0;
  }

  /** Nothing new is asked for from here on. */
  stopClock(): void {
    this.#longestGapMs = this.longestGapMs;
    this.#running = false;
  }

  /**
   * Tells the simulator's oracle this history and the log as a disk holds it. An entry is told just before the first answer that vouches
   * for it, which is the latest moment at which it can have been committed.
   */
  judge(entries: Iterable<StoredEntry>, report: Report): void {
    const oracle = new LogOracle(report, readStoredId);
    const rest = entries[Symbol.iterator]();
    let next = rest.next();
    const commitUpTo = (seq: number): void => {
      while (next.done !== true) {
        const { entry } = next.value;
        if (entry.kind === "records" && decodeBatchHeader(entry.data).firstSeq > seq) return;
        oracle.committed(next.value);
        next = rest.next();
      }
    };
    for (const event of this.#events) {
      switch (event.kind) {
        case "submitted":
          oracle.submitted(event.request, event.count, event.stamp);
          break;
        case "refused":
          oracle.refused(event.request);
          break;
        case "acknowledged": {
          commitUpTo(event.lastSeq);
          const { request, firstSeq, lastSeq } = event;
          const count = lastSeq - firstSeq + 1;
          const seqs = { firstSeq: asSeq(firstSeq), lastSeq: asSeq(lastSeq), count };
          oracle.acknowledged(request, { ...seqs, duplicate: false });
          break;
        }
        default:
          return event satisfies never;
      }
    }
    commitUpTo(Number.MAX_SAFE_INTEGER);
  }
}

/** The record that carries an id; its `data` tells it back. */
export function recordOf(id: RecordId, padding: number): object {
  const data = { ...id, ...(padding > 0 ? { padding: "x".repeat(padding) } : {}) };
  return { actor: { id: "chaos" }, action: "chaos.record", data };
}

/** The id in a record's `data`; a record without one is nobody's. */
export function idOf(record: { readonly data?: unknown }): RecordId {
  const { request, position } = (record.data ?? {}) as Partial<RecordId>;
  return { request: request ?? -1, position: position ?? -1 };
}

function readStoredId(record: Uint8Array): RecordId {
  return idOf(decodeRecord(record));
}
