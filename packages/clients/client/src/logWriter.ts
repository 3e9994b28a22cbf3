import { JsonRecordEncoder, RECORD_LIMITS } from "@annals/record";
import { ClientError, invalidOptions, judged } from "./clientError.ts";
import { JsonBytes } from "./jsonBytes.ts";
import { OrderedProducer } from "./orderedProducer.ts";
import type { SendAppend } from "./orderedProducer.ts";
import { randomId } from "./randomId.ts";
import type { AppendReply, AuditRecord } from "./types.ts";

export interface LogWriterOptions {
  /** Records of one request, at most; default 500. */
  readonly maxBatchRecords?: number;
  /** Bytes of one request, at most, unless one record is larger; default 512 KiB. */
  readonly maxBatchBytes?: number;
  /** Milliseconds that a record may wait for others to share its request; default 0: what is appended in one turn goes together. */
  readonly lingerMs?: number;
  /** Bytes of records that are not acknowledged yet, and one record; default 8 MiB. At the cap `append` is refused, and `ready` waits. */
  readonly maxPendingBytes?: number;
  /** Requests on their way at a time, 1 to 16; default 4. */
  readonly window?: number;
}

/** What `close` found. */
export interface LogWriterSummary {
  readonly acknowledged: number;
  /** Of what was pending: each is either not in the log, or in it without this client's knowing. */
  readonly unacknowledged: readonly AuditRecord[];
}

interface Pending {
  /** Counts up. */
  readonly order: number;
  readonly record: AuditRecord;
  readonly bytes: Uint8Array;
  readonly resolve: (reply: { readonly seq: number }) => void;
  readonly reject: (error: unknown) => void;
}

const DEFAULTS = {
  maxBatchRecords: 500,
  maxBatchBytes: 512 * 1024,
  lingerMs: 0,
  maxPendingBytes: 8 * 1024 * 1024,
  window: 4,
} as const;

/**
 * Appends single records: gathers them into requests, keeps their order, and sends each exactly once, also over retries and changes of
 * leader. Memory is bounded by `maxPendingBytes`. A request that fails for good fails its records and those on their way behind it; what
 * waits goes on in a new epoch, behind which nothing of the old one can be accepted any more.
 */
export class LogWriter {
  readonly #send: SendAppend;
  readonly #options: Required<LogWriterOptions>;
  readonly #askEpoch: (id: string, signal: AbortSignal) => Promise<number>;
  readonly #encoder = new JsonRecordEncoder(RECORD_LIMITS);
  readonly #json = new JsonBytes();
  readonly #id = `writer-${randomId()}`;
  readonly #abort = new AbortController();
  #waiting: Pending[] = [];
  readonly #unsettled = new Set<Pending>();
  #pendingBytes = 0;
  #acknowledged = 0;
  /** Since `close` was called; who failed before was told so. */
  readonly #unacknowledged: AuditRecord[] = [];
  #appended = 0;
  #epoch = 0;
  #producer: OrderedProducer | undefined;
  #pumping = false;
  #flushing = 0;
  #closed: Promise<LogWriterSummary> | undefined;
  /** Wakes whoever waits for room, for the end of the linger, or for everything to be settled. There while somebody does. */
  #changed: PromiseWithResolvers<void> | undefined;

  /** Throws ERR_CLIENT_OPTIONS for limits below 1. */
  constructor(
    send: SendAppend,
    options: LogWriterOptions = {},
    askEpoch: (id: string, signal: AbortSignal) => Promise<number> = () => Promise.resolve(1),
  ) {
    this.#send = send;
    this.#askEpoch = askEpoch;
    this.#options = { ...DEFAULTS, ...options };
    for (const name of ["maxBatchRecords", "maxBatchBytes", "maxPendingBytes", "window"] as const)
      if (!(this.#options[name] >= 1)) throw invalidOptions(`${name} must be at least 1`);
  }

  /** Bytes of records that are not acknowledged yet. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /**
   * Resolves when the record is flushed on a quorum. Rejects at once, with nothing queued, for what is no valid record
   * (the code is the server's),
   * with ERR_WRITER_FULL beyond `maxPendingBytes`, and with ERR_CLIENT_CLOSED; later with the error of its request.
   */
  append(record: AuditRecord): Promise<{ readonly seq: number }> {
    return new Promise((resolve, reject) => {
      // Judged as the server will judge it, so that one bad record cannot spoil the request of others.
      const bytes = judged(() => this.#encoder.encode(this.#json.of(record)));
      if (this.#closed !== undefined)
        throw new ClientError("ERR_CLIENT_CLOSED", "the writer is closed", { notAccepted: true });
      // One record may cross the cap, so that one of any size passes after `ready`.
      if (this.#isFullOfPending()) throw writerFull(this.#options.maxPendingBytes);
      const pending = { order: ++this.#appended, record, bytes, resolve, reject };
      this.#waiting.push(pending);
      this.#unsettled.add(pending);
      this.#pendingBytes += bytes.byteLength;
      if (!this.#pumping) void this.#pump();
      this.#wake();
    });
  }

  /** Resolves when there is room for another record: the back-pressure of `append`. */
  async ready(): Promise<void> {
    while (this.#isFullOfPending()) await this.#change();
  }

  /** Sends what waits without lingering; resolves when everything appended so far is acknowledged or has failed. Never rejects. */
  async flush(): Promise<void> {
    const last = this.#appended;
    this.#flushing++;
    this.#wake();
    while (this.#oldest() <= last) await this.#change();
    this.#flushing--;
  }

  /**
   * Flushes, and says what was not acknowledged. After `timeoutMs`, if given, the rest is given up. `append` is refused from now on.
   * Idempotent.
   */
  close(options: { readonly timeoutMs?: number } = {}): Promise<LogWriterSummary> {
    this.#closed ??= this.#close(options.timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number | undefined): Promise<LogWriterSummary> {
    const giveUp = (): void => this.#abort.abort();
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    await this.flush();
    clearTimeout(timer);
    return { acknowledged: this.#acknowledged, unacknowledged: this.#unacknowledged };
  }

  #isFullOfPending(): boolean {
    return this.#pendingBytes >= this.#options.maxPendingBytes;
  }

  #oldest(): number {
    for (const { order } of this.#unsettled) return order;
    return Number.POSITIVE_INFINITY;
  }

  #change(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  #wake(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (this.#waiting.length > 0) {
      await this.#linger();
      const producer = await this.#ready().catch((error: unknown) => {
        this.#fail(this.#waiting.splice(0, this.#batchSize()), error);
      });
      if (producer !== undefined)
        void this.#deliver(producer, this.#waiting.splice(0, this.#batchSize()));
    }
    this.#pumping = false;
  }

  /** Lets others join, unless the batch is full or somebody wants it out. */
  async #linger(): Promise<void> {
    // What is appended in the same turn of the event loop goes together in any case.
    await Promise.resolve();
    const { lingerMs } = this.#options;
    if (lingerMs === 0) return;
    const over = new AbortController();
    const timer = setTimeout(() => {
      over.abort();
      this.#wake();
    }, lingerMs);
    while (!over.signal.aborted && this.#flushing === 0 && !this.#isFull()) await this.#change();
    clearTimeout(timer);
  }

  #isFull(): boolean {
    return (
      this.#batchSize() < this.#waiting.length ||
      this.#waiting.length >= this.#options.maxBatchRecords
    );
  }

  /** How many of the waiting records the next request takes: at least one. */
  #batchSize(): number {
    const { maxBatchRecords, maxBatchBytes } = this.#options;
    let bytes = 0;
    let count = 0;
    for (const pending of this.#waiting) {
      bytes += pending.bytes.byteLength;
      if (count > 0 && (bytes > maxBatchBytes || count >= maxBatchRecords)) break;
      count++;
    }
    return count;
  }

  /** A producer whose window has room: a new one, in a new epoch, after a failure. Rejects when the log cannot be asked for the epoch. */
  async #ready(): Promise<OrderedProducer> {
    for (;;) {
      this.#producer ??= await this.#beginEpoch();
      try {
        await this.#producer.ready();
        return this.#producer;
      } catch {
        // Its failure has been told to the records that it met.
        this.#producer = undefined;
      }
    }
  }

  async #beginEpoch(): Promise<OrderedProducer> {
    const { signal } = this.#abort;
    // The own count, too: the answer may come from a node that has not seen the last epoch yet.
    this.#epoch = Math.max(this.#epoch + 1, await this.#askEpoch(this.#id, signal));
    return new OrderedProducer(this.#send, {
      id: this.#id,
      epoch: this.#epoch,
      nextSequence: 1,
      window: this.#options.window,
      signal,
    });
  }

  async #deliver(producer: OrderedProducer, batch: readonly Pending[]): Promise<void> {
    try {
      const bytes = joined(batch.map((pending) => pending.bytes));
      const reply = await producer.append({ contentType: "application/msgpack", bytes });
      this.#settle(batch, reply);
    } catch (error) {
      this.#fail(batch, error);
    }
  }

  #settle(batch: readonly Pending[], { firstSeq }: AppendReply): void {
    for (const [k, pending] of batch.entries()) {
      this.#release(pending);
      this.#acknowledged++;
      pending.resolve({ seq: firstSeq + k });
    }
    this.#wake();
  }

  #fail(batch: readonly Pending[], error: unknown): void {
    for (const pending of batch) {
      this.#release(pending);
      if (this.#closed !== undefined) this.#unacknowledged.push(pending.record);
      pending.reject(error);
    }
    this.#wake();
  }

  #release(pending: Pending): void {
    this.#unsettled.delete(pending);
    this.#pendingBytes -= pending.bytes.byteLength;
  }
}

/** One msgpack record after the other. */
function joined(records: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(records.reduce((sum, record) => sum + record.byteLength, 0));
  let at = 0;
  for (const record of records) {
    bytes.set(record, at);
    at += record.byteLength;
  }
  return bytes;
}

function writerFull(maxPendingBytes: number): ClientError {
  return new ClientError(
    "ERR_WRITER_FULL",
    `${maxPendingBytes} bytes of records wait for their acknowledgement: wait for ready()`,
    { retryable: true, notAccepted: true, details: { maxPendingBytes } },
  );
}
