import { randomInt } from "node:crypto";
import { LogWriter, OrderedProducer } from "@annals/client";
import type {
  AnnalsClient,
  AppendOptions,
  AppendReply,
  AuditRecord,
  CallOptions,
  EncodedRecords,
  LogWriterOptions,
  OrderedProducerOptions,
  Page,
  Query,
  StoredRecord,
} from "@annals/client";
import { parseQuery, QUERY_BUDGET, runTailQuery, STORED_CODEC, storedRecords } from "@annals/query";
import { asMemberId } from "@annals/raft";
import type { MemberId } from "@annals/raft";
import { AnnalsError, asSeq, parseExactly, RECORD_LIMITS, stringifyExactly } from "@annals/record";
import { NO_BLOBS, Replica } from "@annals/replica";
import type { LogStore } from "@annals/replica";
import type { PathLock } from "@annals/storage";
import { parseIngestBody } from "@annals/wire";
import { replicaConfig } from "./options.ts";
import type { Limits } from "./options.ts";
import { queryTexts } from "./queryTexts.ts";

/** The one member. It never meets another one, so it needs no incarnation. */
export const SELF: MemberId = asMemberId(1);

const APPEND_TIMEOUT_MS = 10_000;
const BEGIN_TIMEOUT_MS = 60_000;
const TAIL_WAIT_MS = 10_000;

/** A method of the client, without the name of the log. */
type OfLog<Method> = Method extends (log: string, ...rest: infer Rest) => infer Answer
  ? (...rest: Rest) => Answer
  : never;

/** What a log of a cluster offers through the client, on a log inside the process. */
type ClientLog = {
  readonly [Name in "read" | "pages" | "records" | "tail" | "get" | "nextEpoch"]: OfLog<
    AnnalsClient[Name]
  >;
} & {
  readonly append: OfLog<AnnalsClient["append"]>;
  readonly writer: OfLog<AnnalsClient["writer"]>;
  readonly orderedProducer: OfLog<AnnalsClient["orderedProducer"]>;
};

export interface EmbeddedLogOptions {
  readonly limits: Limits;
  readonly store: LogStore;
  readonly lock: PathLock;
  readonly onFailed: ((error: AnnalsError) => void) | undefined;
}

/**
 * A durable log of one node inside the process: the storage, the replica and the judging of records of a node, and the interface of the
 * client. An append resolves when it is flushed. Whatever a call rejects with has a `code` of the server's.
 */
export class EmbeddedLog implements ClientLog {
  readonly #options: EmbeddedLogOptions;
  readonly #replica: Replica;
  readonly #ticking: NodeJS.Timeout;
  /** Appends and pages that are under way. */
  readonly #underway = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();
  #failure: AnnalsError | undefined;
  #closed: Promise<void> | undefined;

  /** Not for callers: `openLog` makes it. */
  constructor(options: EmbeddedLogOptions) {
    const config = replicaConfig(options.limits);
    this.#options = options;
    this.#replica = new Replica({
      self: SELF,
      config,
      store: options.store,
      blobs: NO_BLOBS,
      transport: { send: () => {} },
      clock: {
        now: () => performance.now(),
        wallTime: () => Date.now(),
        defer: (turn) => void setImmediate(turn),
      },
      randomBelow: randomInt,
      events: {
        onRole: () => {},
        onCommand: () => {},
        onTrace: () => {},
        onRefused: () => {},
        onFailed: (error) => {
          this.#failure = error;
          options.onFailed?.(error);
        },
      },
    });
    this.#ticking = setInterval(() => this.#replica.tick(1), config.tickMs);
  }

  /** Resolves when appends are taken. Rejects, closed, when the log cannot begin. */
  async begin(): Promise<void> {
    this.#replica.campaign();
    try {
      await this.#replica.readBarrier(BEGIN_TIMEOUT_MS);
    } catch (error) {
      await this.close();
      throw this.#failure ?? error;
    }
  }

  get name(): string {
    return this.#options.limits.name;
  }

  /** Seq of the last record; 0 for none. */
  get lastSeq(): number {
    return this.#replica.appliedSeq;
  }

  /**
   * Resolves when all records are flushed. All or nothing: a bad record is named by its position, and nothing of the request is stored.
   * ERR_OUTCOME_UNKNOWN when `timeoutMs` (default 10 000) comes first, ERR_ABORTED when the signal does: the request may still be stored.
   */
  async append(
    records: AuditRecord | readonly AuditRecord[] | EncodedRecords,
    options: AppendOptions = {},
  ): Promise<AppendReply> {
    const { producer: stamp, timeoutMs = APPEND_TIMEOUT_MS, signal } = options;
    this.#assertOpen(signal);
    const { maxRecordBytes, maxRecords } = this.#options.limits;
    const { contentType, bytes } = encoded(records);
    const limits = { ...RECORD_LIMITS, maxRecordBytes, maxRecords };
    const parsed = parseIngestBody(contentType, bytes, limits);
    return this.#track(this.#replica.append({ ...parsed, stamp, timeoutMs }), signal);
  }

  /** A producer of numbered requests, for exactly-once appends with several of them on their way. */
  orderedProducer(options: OrderedProducerOptions): OrderedProducer {
    return new OrderedProducer(
      (body, producer, signal) => this.append(body, { producer, signal }),
      options,
    );
  }

  /** Takes single records and gathers them into requests; each record is stored once and in order. */
  writer(options: LogWriterOptions = {}): LogWriter {
    return new LogWriter(
      (body, producer, signal) => this.append(body, { producer, signal }),
      options,
      (id) => this.nextEpoch(id),
    );
  }

  /** The epoch in which a producer may begin with sequence 1. */
  async nextEpoch(id: string): Promise<number> {
    return this.#replica.producers.nextEpoch(id);
  }

  /** One page. */
  async read(query: Query = {}, { signal }: CallOptions = {}): Promise<Page> {
    this.#assertOpen(signal);
    const { store } = this.#options;
    const reply = runTailQuery(parseQuery(queryTexts(query), query.waitMs ?? 0, "json"), {
      log: this.name,
      codec: STORED_CODEC,
      budget: QUERY_BUDGET,
      now: () => performance.now(),
      giveWay: () => new Promise((resolve) => setImmediate(resolve)),
      open: () => {
        this.#assertOpen(signal);
        return storedRecords(store, this.#replica);
      },
      waitForSeq: (seq, timeoutMs) =>
        this.#untilEnded(this.#replica.waitForSeq(asSeq(seq), timeoutMs), signal),
    });
    const { body } = await this.#track(reply, signal);
    return parseExactly(new TextDecoder().decode(body)) as Page;
  }

  /** Every page up to what is in the log now. Pages may be empty when little matches. */
  async *pages(query: Query = {}, options: CallOptions = {}): AsyncGenerator<Page, void> {
    let cursor = query.cursor;
    for (;;) {
      const page = await this.read({ ...query, cursor }, options);
      yield page;
      if (!page.more || page.next === null) return;
      cursor = page.next;
    }
  }

  /** Every record up to what is in the log now. */
  async *records(query: Query = {}, options: CallOptions = {}): AsyncGenerator<StoredRecord, void> {
    for await (const page of this.pages(query, options)) yield* page.items;
  }

  /** Every record, and then each new one, without end (unless the query has one). Stopped by the signal, which it does not throw. */
  async *tail(query: Query = {}, options: CallOptions = {}): AsyncGenerator<StoredRecord, void> {
    let cursor = query.cursor;
    for (;;) {
      if (options.signal?.aborted === true) return;
      const waitMs = query.waitMs ?? TAIL_WAIT_MS;
      const page = await this.read({ ...query, cursor, waitMs }, options).catch((error) => {
        if (options.signal?.aborted !== true) throw error;
      });
      if (page === undefined) return;
      yield* page.items;
      if (page.next === null) return;
      cursor = page.next;
    }
  }

  /** Every record from `from` on (default 1), and then each new one. Holds one page at a time. Ends with the signal. */
  subscribe(
    options: CallOptions & { readonly from?: number | undefined } = {},
  ): AsyncGenerator<StoredRecord, void> {
    return this.tail({ from: options.from }, options);
  }

  /** One record; rejects with ERR_RECORD_NOT_FOUND. */
  async get(seq: number, options: CallOptions = {}): Promise<StoredRecord> {
    const { items } = await this.read({ from: seq, to: seq }, options);
    const [record] = items;
    if (record !== undefined) return record;
    throw new AnnalsError("ERR_RECORD_NOT_FOUND", `log "${this.name}" has no record ${seq}`, {
      details: { log: this.name, seq },
    });
  }

  /** Takes nothing more, ends those who wait for records, waits for what is being flushed, and lets go of the directory. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const settled = Promise.allSettled(this.#underway);
    this.#closing.abort();
    await settled;
    clearInterval(this.#ticking);
    try {
      await this.#replica.close();
    } finally {
      this.#options.lock.release();
    }
  }

  #assertOpen(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) throw callAborted(signal);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing.signal.aborted) throw new AnnalsError("ERR_LOG_CLOSED", "the log is closed");
  }

  /** Keeps the log open until the work is done; the caller may turn away from it before. */
  async #track<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.#underway.add(work);
    const settled = work.finally(() => this.#underway.delete(work));
    if (signal === undefined) return settled;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => {
      aborted.reject(callAborted(signal));
    };
    signal.addEventListener("abort", abort);
    try {
      return await Promise.race([settled, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Waits, but not beyond the end of the call or of the log. */
  async #untilEnded(wait: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const ended = Promise.withResolvers<void>();
    const signals = signal === undefined ? [] : [signal];
    const end = AbortSignal.any([this.#closing.signal, ...signals]);
    if (end.aborted) return;
    end.addEventListener("abort", () => ended.resolve(), { once: true });
    await Promise.race([wait, ended.promise]);
  }
}

function callAborted({ reason }: AbortSignal): AnnalsError {
  return new AnnalsError("ERR_ABORTED", "the call was aborted", { cause: reason });
}

function encoded(records: AuditRecord | readonly AuditRecord[] | EncodedRecords): EncodedRecords {
  if ("bytes" in records && "contentType" in records) return records;
  const bytes = new TextEncoder().encode(stringifyExactly(records));
  return { contentType: "application/json", bytes };
}
