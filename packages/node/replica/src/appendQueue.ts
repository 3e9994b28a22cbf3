import { Gauge } from "@annals/flow";
import type { GaugeFamily, GaugeReading } from "@annals/flow";
import type { LogIndex, Term } from "@annals/raft";
import type {
  AnnalsError,
  Attachments,
  BatchRequest,
  ProducerStamp,
  RequestStamp,
  Seq,
} from "@annals/record";
import { asSeq, BLOB_DIGEST_BYTES, NO_ATTACHMENTS, requestFingerprint } from "@annals/record";
import { outcomeUnknown } from "./errors.ts";
import type { AppendRequest } from "./options.ts";

/** Where the records of an answered request stand. */
export interface AppendResult {
  readonly firstSeq: Seq;
  readonly lastSeq: Seq;
  readonly count: number;
  /** The request was in the log already: a repeat, answered as the first time. */
  readonly duplicate: boolean;
}

/** Who gets the answer; one request may have several, when it is repeated while under way. */
export interface AppendWaiter {
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: AnnalsError) => void;
  /** On the monotonic clock, in ms. */
  readonly deadlineMs: number;
}

/** A request whose stamp, if it has one, tells which records it stands for. */
export interface StampedRequest extends Omit<AppendRequest, "stamp"> {
  readonly stamp: RequestStamp | undefined;
}

/** Only stamped requests pay for a fingerprint. */
export function withFingerprint(request: AppendRequest): StampedRequest {
  const { stamp, records } = request;
  if (stamp === undefined) return { ...request, stamp };
  return { ...request, stamp: { ...stamp, fingerprint: requestFingerprint(records) } };
}

/** One admitted request on its way into the log. */
export interface PendingAppend {
  readonly records: readonly Uint8Array[];
  readonly attachments: Attachments;
  readonly stamp: RequestStamp | undefined;
  readonly bytes: number;
  /** Records that an earlier attempt brought into the log; this one starts behind them. */
  readonly alreadyIn: { readonly count: number; readonly firstSeq: Seq } | undefined;
  /** Records handed to Raft so far, `alreadyIn` included. */
  proposed: number;
  /** Records applied so far, `alreadyIn` included. */
  applied: number;
  firstSeq: Seq;
  lastSeq: Seq;
  waiters: AppendWaiter[];
}

/** One batch as it is proposed: the records in order, and which request each run belongs to. */
export interface FormedBatch {
  readonly records: readonly Uint8Array[];
  readonly bytes: number;
  readonly requests: readonly BatchRequest[];
  /** Every blob that the records name, once. */
  readonly blobs: readonly string[];
  readonly parts: readonly { readonly append: PendingAppend; readonly count: number }[];
}

interface Proposed {
  readonly term: Term;
  readonly firstSeq: Seq;
  readonly parts: FormedBatch["parts"];
}

/**
 * Requests between admission and answer: first waiting to be put into a batch, then proposed and waiting for their entry to be applied.
 * Bounded in bytes by `gauge`; a request counts until it is answered.
 */
export class AppendQueue {
  readonly #gauge: Gauge;
  #waiting: PendingAppend[] = [];
  #waitingRecords = 0;
  #waitingBytes = 0;
  readonly #proposed = new Map<LogIndex, Proposed>();
  readonly #byStamp = new Map<string, PendingAppend>();
  /** Every request that is not answered yet, waiting or proposed. */
  readonly #open = new Set<PendingAppend>();

  constructor(maxPendingBytes: number, family?: GaugeFamily) {
    this.#gauge = new Gauge(maxPendingBytes, family);
  }

  get full(): boolean {
    return this.#gauge.current >= this.#gauge.cap;
  }

  get waitingRecords(): number {
    return this.#waitingRecords;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  readGauge(): GaugeReading {
    return this.#gauge.read();
  }

  /** The request with this stamp that is still on its way, so that a repeat waits for the same answer. */
  find(stamp: ProducerStamp): PendingAppend | undefined {
    return this.#byStamp.get(stampKey(stamp));
  }

  push(append: PendingAppend): void {
    this.#gauge.add(append.bytes);
    this.#open.add(append);
    this.#waiting.push(append);
    for (const record of append.records.slice(append.proposed)) {
      this.#waitingRecords++;
      this.#waitingBytes += record.length;
    }
    if (append.stamp !== undefined) this.#byStamp.set(stampKey(append.stamp), append);
  }

  /** The next batch within the caps, at least one record; undefined when nothing waits. Nothing has changed before `proposedAt`. */
  form(maxRecords: number, maxBytes: number): FormedBatch | undefined {
    const records: Uint8Array[] = [];
    const requests: BatchRequest[] = [];
    const parts: { append: PendingAppend; count: number }[] = [];
    const blobs = new Set<string>();
    let bytes = 0;
    let blobBytes = 0;
    for (const append of this.#waiting) {
      const start = append.proposed;
      let end = start;
      for (; end < append.records.length && records.length < maxRecords; end++) {
        const record = append.records[end];
        if (record === undefined) break;
        const named = append.attachments.get(end) ?? [];
        const added = record.length + BLOB_DIGEST_BYTES * named.length;
        if (records.length > 0 && bytes + blobBytes + added > maxBytes) break;
        records.push(record);
        bytes += record.length;
        blobBytes += BLOB_DIGEST_BYTES * named.length;
        for (const digest of named) blobs.add(digest);
      }
      if (end === start) break;
      requests.push({ count: end - start, producer: append.stamp });
      parts.push({ append, count: end - start });
      if (end < append.records.length) break;
    }
    if (records.length === 0) return undefined;
    return { records, bytes, requests, blobs: [...blobs], parts };
  }

  /** The formed batch became the entry at `index`. */
  proposedAt(index: LogIndex, term: Term, firstSeq: Seq, batch: FormedBatch): void {
    let done = 0;
    for (const { append, count } of batch.parts) {
      append.proposed += count;
      if (append.proposed === append.records.length) done++;
    }
    this.#waiting.splice(0, done);
    this.#waitingRecords -= batch.records.length;
    this.#waitingBytes -= batch.bytes;
    this.#proposed.set(index, { term, firstSeq, parts: batch.parts });
  }

  /**
   * An entry is committed and applied. If it took the place of ours, ours is gone for good, and so is what an earlier term proposed behind
   * it, for terms never fall along a log: no later entry can be of an earlier term.
   */
  applied(index: LogIndex, term: Term, lost: () => AnnalsError): void {
    const proposed = this.#proposed.get(index);
    if (proposed !== undefined) {
      this.#proposed.delete(index);
      this.#decide(proposed, term, lost);
    }
    for (const [behind, overtaken] of this.#proposed) {
      if (overtaken.term >= term) break;
      this.#proposed.delete(behind);
      this.#decide(overtaken, term, lost);
    }
  }

  #decide(proposed: Proposed, term: Term, lost: () => AnnalsError): void {
    let firstSeq: number = proposed.firstSeq;
    for (const { append, count } of proposed.parts) {
      if (proposed.term === term) this.#advance(append, asSeq(firstSeq), count);
      else this.#lose(append, lost);
      firstSeq += count;
    }
  }

  #advance(append: PendingAppend, firstSeq: Seq, count: number): void {
    if (append.applied === 0) append.firstSeq = firstSeq;
    append.applied += count;
    append.lastSeq = asSeq(firstSeq + count - 1);
    if (append.applied < append.records.length || !this.#open.has(append)) return;
    this.#forget(append);
    const { firstSeq: first, lastSeq } = append;
    const result = { firstSeq: first, lastSeq, count: append.records.length, duplicate: false };
    for (const waiter of append.waiters) waiter.resolve(result);
  }

  /** What was proposed will never be in the log. An earlier part of the same request may be: then it is not as if never sent. */
  #lose(append: PendingAppend, lost: () => AnnalsError): void {
    const untouched = append.applied === (append.alreadyIn?.count ?? 0);
    this.#reject(append, untouched ? lost() : outcomeUnknown("a change of leader cut it"));
  }

  #reject(append: PendingAppend, error: AnnalsError): void {
    if (!this.#open.has(append)) return;
    this.#forget(append);
    for (const waiter of append.waiters) waiter.reject(error);
  }

  #forget(append: PendingAppend): void {
    this.#open.delete(append);
    this.#gauge.remove(append.bytes);
    if (append.stamp !== undefined) this.#byStamp.delete(stampKey(append.stamp));
  }

  /** Waiters whose deadline has passed learn that their outcome is unknown; the request itself goes on. */
  expire(nowMs: number): void {
    for (const append of this.#open) {
      const late = append.waiters.filter((waiter) => waiter.deadlineMs <= nowMs);
      if (late.length === 0) continue;
      append.waiters = append.waiters.filter((waiter) => waiter.deadlineMs > nowMs);
      for (const waiter of late) {
        waiter.reject(outcomeUnknown("it was not committed within the time limit"));
      }
    }
  }

  /**
   * The leadership ended. What was never proposed is gone, and its senders may try elsewhere; what was proposed as a whole is still
   * answered if its entries turn out to be committed. A request of which a part was proposed stays unknown.
   */
  stopProposing(error: () => AnnalsError): void {
    for (const append of this.#waiting) {
      const fresh = append.proposed === (append.alreadyIn?.count ?? 0);
      this.#reject(append, fresh ? error() : outcomeUnknown("the leader stepped down"));
    }
    this.#dropWaiting();
  }

  /** Ends everything: what was never proposed with `unproposed`, the rest as unknown. */
  rejectAll(unproposed: () => AnnalsError, why: string): void {
    this.stopProposing(unproposed);
    for (const append of this.#open) this.#reject(append, outcomeUnknown(why));
    this.#proposed.clear();
  }

  #dropWaiting(): void {
    this.#waiting = [];
    this.#waitingRecords = 0;
    this.#waitingBytes = 0;
  }
}

/** A request as it is admitted; `alreadyIn` is what an earlier attempt brought into the log. */
export function pendingAppend(
  request: StampedRequest,
  alreadyIn: { firstSeq: Seq; lastSeq: Seq; count: number } | undefined,
  waiter: AppendWaiter,
): PendingAppend {
  const { records, stamp } = request;
  const attachments = request.attachments ?? NO_ATTACHMENTS;
  const done = alreadyIn?.count ?? 0;
  return {
    records,
    attachments,
    stamp,
    bytes: records.reduce((sum, record) => sum + record.length, 0),
    alreadyIn,
    proposed: done,
    applied: done,
    firstSeq: alreadyIn?.firstSeq ?? asSeq(0),
    lastSeq: alreadyIn?.lastSeq ?? asSeq(0),
    waiters: [waiter],
  };
}

function stampKey(stamp: ProducerStamp): string {
  return `${stamp.epoch}/${stamp.sequence}/${stamp.id}`;
}
