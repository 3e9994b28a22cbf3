import { stringifyExactly } from "@annals/record";
import type { WideNumbers } from "@annals/record";
import { downloadBlob, uploadBlob } from "./blobs.ts";
import type { BlobInfo, BlobSource } from "./blobs.ts";
import { Caller } from "./caller.ts";
import {
  ClientError,
  errorOfAnswer,
  invalidOptions,
  invalidRecord,
  judged,
} from "./clientError.ts";
import { consume } from "./consumption.ts";
import { pageCall } from "./pageCall.ts";
import { recordsOf } from "./recordText.ts";
import { assertRuntime } from "./runtime.ts";
import { askNode, LogCopies } from "./logCopies.ts";
import type { NodeOptions } from "./logCopies.ts";
import { LogGroups } from "./logGroups.ts";
import { LogWriter } from "./logWriter.ts";
import type { LogWriterOptions } from "./logWriter.ts";
import { LogSchemas } from "./schemas.ts";
import { subscribe } from "./subscription.ts";
import { globalTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";
import { OrderedProducer } from "./orderedProducer.ts";
import type { OrderedProducerOptions } from "./orderedProducer.ts";
import type {
  AppendOptions,
  AppendReply,
  AuditRecord,
  CallOptions,
  ClusterStatus,
  ConsumedBatch,
  ConsumeOptions,
  EncodedRecords,
  Health,
  LogInfo,
  Page,
  ProducerInfo,
  Query,
  StoredRecord,
  SubscribeOptions,
} from "./types.ts";

export interface AnnalsClientOptions {
  /** Base URLs of some nodes; any of them serves every call. */
  readonly urls: readonly string[];
  /** Milliseconds for one attempt; default 15 000. */
  readonly attemptTimeoutMs?: number;
  /** Milliseconds after which no further attempt begins; default 30 000, 0 tries once. */
  readonly retryForMs?: number;
  /**
   * What a number of a record becomes that no double holds. `exact` (default): an `ExactNumber`, which `JSON.stringify` writes with its
   * digits. `bigint`: a bigint where it is an integer, else an `ExactNumber`. `text`: a string of its digits.
   */
  readonly wideNumbers?: WideNumbers;
  /** How requests and streams are sent; by default with the globals `fetch` and `WebSocket`. */
  readonly transport?: Transport;
}

const ATTEMPT_TIMEOUT_MS = 15_000;
const RETRY_FOR_MS = 30_000;
const TAIL_WAIT_MS = 10_000;
const TAIL_PAUSE_MS = 1_000;

/** With this status and its reasons a node answers that it does not serve yet. */
const NOT_READY = 503;

/**
 * Talks to an Annals cluster: finds the leader, tries again with full jitter what can safely be tried again, and gives coded errors
 * (`ClientError`). An append without a producer stamp is repeated only when it is certain that nothing was accepted.
 */
export class AnnalsClient {
  readonly #caller: Caller;

  /** Throws ERR_CLIENT_OPTIONS, also where the runtime is too old. */
  constructor(options: AnnalsClientOptions) {
    assertRuntime(options?.transport);
    const given: unknown = options;
    if (typeof given !== "object" || given === null || !Array.isArray(options.urls))
      throw invalidOptions('expected options such as { urls: ["http://127.0.0.1:7400"] }');
    this.#caller = new Caller({
      urls: options.urls,
      attemptTimeoutMs: options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS,
      retryForMs: options.retryForMs ?? RETRY_FOR_MS,
      wideNumbers: options.wideNumbers ?? "exact",
      transport: options.transport ?? globalTransport(),
      now: () => performance.now(),
      randomBelow: (n) => Math.floor(Math.random() * n),
    });
  }

  /** Resolves when all records are flushed on a quorum. */
  async append(
    log: string,
    records: AuditRecord | readonly AuditRecord[] | EncodedRecords,
    options: AppendOptions = {},
  ): Promise<AppendReply> {
    const { producer, timeoutMs, signal } = options;
    const encoded = isEncoded(records) ? records : undefined;
    const headers: Record<string, string> = {
      "content-type": encoded?.contentType ?? "application/json",
    };
    if (producer !== undefined) {
      const { id, epoch, sequence } = producer;
      headers["annals-producer"] = `${id};epoch=${epoch};sequence=${sequence}`;
    }
    if (timeoutMs !== undefined) headers["annals-timeout"] = `${timeoutMs}ms`;
    const answer = await this.#caller.call({
      method: "POST",
      path: `${logPath(log)}/records`,
      log,
      headers,
      body: encoded?.bytes ?? judged(() => stringifyExactly(records)),
      signal,
      repeat: producer === undefined ? "once" : "safe",
      extraMs: timeoutMs ?? 0,
    });
    return answer as AppendReply;
  }

  /** A producer of numbered requests, for exactly-once appends with several of them on their way. */
  orderedProducer(log: string, options: OrderedProducerOptions): OrderedProducer {
    return new OrderedProducer(
      (body, producer, signal) => this.append(log, body, { producer, signal }),
      options,
    );
  }

  /** Takes single records and gathers them into requests; each record is stored once and in order. */
  writer(log: string, options: LogWriterOptions = {}): LogWriter {
    return new LogWriter(
      (body, producer, signal) => this.append(log, body, { producer, signal }),
      options,
      (id, signal) => this.nextEpoch(log, id, { signal }),
    );
  }

  /** The groups of a log: durable cursors of its consumers. */
  groups(log: string): LogGroups {
    return new LogGroups(this.#caller, log);
  }

  /** Uploads an attachment; resolves when records may name it. */
  uploadBlob(log: string, blob: BlobSource, options: CallOptions = {}): Promise<BlobInfo> {
    return uploadBlob(this.#caller, logPath(log), log, blob, options);
  }

  /** The bytes of an attachment. Check their hash: it is their name. */
  downloadBlob(
    log: string,
    sha256: string,
    options: CallOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return downloadBlob(this.#caller, logPath(log), log, sha256, options);
  }

  /** One page. */
  async read(log: string, query: Query = {}, options: CallOptions = {}): Promise<Page> {
    const page = await this.#caller.call({
      ...pageCall(`${logPath(log)}/records`, query, this.#caller.wideNumbers),
      log,
      signal: options.signal,
    });
    return page as Page;
  }

  /** Every page up to what is in the log now. Pages may be empty when little matches. */
  async *pages(
    log: string,
    query: Query = {},
    options: CallOptions = {},
  ): AsyncGenerator<Page, void> {
    let cursor = query.cursor;
    for (;;) {
      const page = await this.read(log, { ...query, cursor }, options);
      yield page;
      if (!page.more || page.next === null) return;
      cursor = page.next;
    }
  }

  /** Every record up to what is in the log now. */
  async *records(
    log: string,
    query: Query = {},
    options: CallOptions = {},
  ): AsyncGenerator<StoredRecord, void> {
    for await (const page of this.pages(log, query, options)) yield* page.items;
  }

  /** Every record, and then each new one, without end (unless the query has one). Stopped by the signal, which it does not throw. */
  async *tail(
    log: string,
    query: Query = {},
    options: CallOptions = {},
  ): AsyncGenerator<StoredRecord, void> {
    let cursor = query.cursor;
    for (;;) {
      const waitMs = query.waitMs ?? TAIL_WAIT_MS;
      let page: Page;
      try {
        page = await this.read(log, { ...query, cursor, waitMs }, options);
      } catch (error) {
        if (options.signal?.aborted === true) return;
        // A tail outlives the outages of the cluster.
        if (!(error instanceof ClientError) || !error.retryable) throw error;
        await this.#caller.pause(TAIL_PAUSE_MS, options.signal).catch(() => undefined);
        continue;
      }
      yield* page.items;
      if (page.next === null) return;
      cursor = page.next;
    }
  }

  /**
   * Every record from `from` on, each once and in order, and then each new one, without end. Comes over the client stream, with credit for
   * what the consumer has taken; a lost connection is made again to the next node, after the last record that was delivered, for ever, but
   * for the first one (`retryForMs`). Leaving the loop ends it, as does the signal, which it does not throw. Throws a `ClientError` for
   * what no repetition mends.
   */
  subscribe(log: string, options: SubscribeOptions = {}): AsyncGenerator<StoredRecord, void> {
    return subscribe(this.#caller, log, options);
  }

  /**
   * Consumes the log by a group: the records behind the group's position, in batches, and then each new one, without end. The position
   * moves when a batch is committed; what was not committed comes again: every record is delivered at least once, in the order of its lane.
   * Waits while other members hold all lanes; a lost lane or connection is taken up again. Leaving the loop gives the lane back, as does
   * the signal, which it does not throw. Throws a `ClientError` for what no repetition mends, such as ERR_GROUP_NOT_FOUND.
   */
  consume(
    log: string,
    group: string,
    options: ConsumeOptions = {},
  ): AsyncGenerator<ConsumedBatch, void> {
    return consume(this.#caller, log, group, options);
  }

  /** One record; rejects with ERR_RECORD_NOT_FOUND. */
  async get(
    log: string,
    seq: number,
    options: CallOptions & Pick<Query, "consistency"> = {},
  ): Promise<StoredRecord> {
    const suffix = options.consistency === undefined ? "" : `?consistency=${options.consistency}`;
    const record = await this.#caller.call({
      method: "GET",
      path: `${logPath(log)}/records/${seq}${suffix}`,
      log,
      signal: options.signal,
      repeat: "safe",
      decode: (text) => recordsOf(text, this.#caller.wideNumbers)[0],
    });
    return record as StoredRecord;
  }

  /** Where an idempotent producer stands; undefined if the log does not know it. */
  async producer(
    log: string,
    id: string,
    options: CallOptions = {},
  ): Promise<ProducerInfo | undefined> {
    try {
      const path = `${logPath(log)}/producers/${encodeURIComponent(id)}`;
      return (await this.#get(path, log, options)) as ProducerInfo;
    } catch (error) {
      if (error instanceof ClientError && error.code === "ERR_PRODUCER_NOT_FOUND") return undefined;
      throw error;
    }
  }

  /**
   * The epoch in which a producer may begin with sequence 1. A log that has forgotten producers takes a new one only in an epoch above
   * theirs: a repeat of an old request could not be told from it otherwise (ERR_PRODUCER_FORGOTTEN).
   */
  async nextEpoch(log: string, id: string, options: CallOptions = {}): Promise<number> {
    try {
      const path = `${logPath(log)}/producers/${encodeURIComponent(id)}`;
      return ((await this.#get(path, log, options)) as ProducerInfo).nextEpoch;
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== "ERR_PRODUCER_NOT_FOUND") throw error;
      return Number(error.details["nextEpoch"] ?? 1);
    }
  }

  /** What the `data` of a log's records must be. */
  schemas(log: string): LogSchemas {
    return new LogSchemas(this.#caller, log);
  }

  /** The copies of a log, of which one is chosen when it has diverged. */
  copies(log: string): LogCopies {
    return new LogCopies(this.#caller, log);
  }

  async logs(options: CallOptions = {}): Promise<readonly LogInfo[]> {
    const answer = await this.#get("/v1/logs", undefined, options);
    return (answer as { readonly items: readonly LogInfo[] }).items;
  }

  async createLog(name: string, options: CallOptions = {}): Promise<LogInfo> {
    return (await this.#post("/v1/logs", undefined, { name }, options)) as LogInfo;
  }

  /** The cluster as one node sees it: any, or the one at `url`. */
  async cluster(options: NodeOptions = {}): Promise<ClusterStatus> {
    return (await askNode(this.#caller, "/v1/cluster", options)) as ClusterStatus;
  }

  /** Whether the node at `url` takes requests, and why not; asks once. */
  async health(url: string, options: CallOptions = {}): Promise<Health> {
    const call = { method: "GET", path: "/readyz", log: undefined, repeat: "safe" } as const;
    const answeredBy = NOT_READY;
    try {
      const { signal } = options;
      const answer = await this.#caller.attempt(url, { ...call, answeredBy, signal });
      if (isHealth(answer)) return answer;
      return { ready: false, reasons: [errorOfAnswer(NOT_READY, answer, null, url).message] };
    } catch (error) {
      if (!(error instanceof ClientError) || error.code === "ERR_ABORTED") throw error;
      return { ready: false, reasons: [error.message] };
    }
  }

  /** Resolves when the present leader of the log leads no more. */
  async transferLeadership(log: string, to?: string, options: CallOptions = {}): Promise<void> {
    await this.#post(
      `${logPath(log)}/transfer-leadership`,
      log,
      to === undefined ? {} : { to },
      options,
    );
  }

  /** Base URLs as given. */
  get urls(): readonly string[] {
    return this.#caller.seeds;
  }

  /** Ends all calls with ERR_CLIENT_CLOSED. Idempotent. */
  close(): void {
    this.#caller.close();
  }

  #get(path: string, log: string | undefined, options: CallOptions, extraMs = 0): Promise<unknown> {
    return this.#caller.call({
      method: "GET",
      path,
      log,
      signal: options.signal,
      repeat: "safe",
      extraMs,
    });
  }

  #post(
    path: string,
    log: string | undefined,
    body: object,
    options: CallOptions,
  ): Promise<unknown> {
    return this.#caller.call({
      method: "POST",
      path,
      log,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: options.signal,
      repeat: "once",
    });
  }
}

function isHealth(answer: unknown): answer is Health {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "ready" in answer &&
    typeof answer.ready === "boolean" &&
    "reasons" in answer &&
    Array.isArray(answer.reasons)
  );
}

function logPath(log: string): string {
  return `/v1/logs/${encodeURIComponent(log)}`;
}

function isEncoded(
  records: AuditRecord | readonly AuditRecord[] | EncodedRecords,
): records is EncodedRecords {
  const given: unknown = records;
  if (typeof given !== "object" || given === null)
    throw invalidRecord(`a record is an object, found ${given === null ? "null" : typeof given}`);
  return "bytes" in records && "contentType" in records;
}
