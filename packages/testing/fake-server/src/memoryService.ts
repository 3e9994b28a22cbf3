import type {
  AppendReply,
  ClusterStatus,
  CopyInfo,
  DecisionInfo,
  GroupAnswers,
  GroupRequest,
  LogInfo,
  NodeHealth,
  ProducerInfo,
  ProducerStanding,
  ResolveRequest,
  SchemaInfo,
} from "@annals/api";
import type { AppendRequest, ForwardTarget, NodeService } from "@annals/http";
import { MemoryBlobs } from "@annals/kit";
import { QUERY_BUDGET, runTailQuery } from "@annals/query";
import type { ReadQuery, ReadReply } from "@annals/query";
import { AnnalsError, parseExactly, RECORD_LIMITS } from "@annals/record";
import { decodeRecord, parseIngestBody } from "@annals/wire";
import { compileSchema } from "@annals/worker";
import { JSON_CODEC, MemorySource } from "./memorySource.ts";
import type { PlainRecord } from "./memorySource.ts";

interface MemoryLog {
  readonly source: MemorySource;
  readonly producers: Map<string, ProducerInfo>;
  readonly waiters: Set<() => void>;
}

/** An append as the service was asked for it, with the bytes of its body. */
export interface ReceivedAppend extends Omit<AppendRequest, "body"> {
  readonly body: Uint8Array;
}

/** A node in memory with logs that it leads alone: the `NodeService` for tests of whatever talks to one. */
export class MemoryService implements NodeService {
  /** Of every log, by action. */
  readonly #schemas = new Map<string, SchemaInfo>();
  /** The blobs of every log. */
  readonly files: MemoryBlobs = new MemoryBlobs();
  readonly appends: ReceivedAppend[] = [];
  readonly reads: ReadQuery[] = [];
  /** Called when the records are stored; may throw instead of the answer. */
  afterAppend: () => void = () => {};
  /** Called before each append; may throw, or wait. */
  beforeAppend: (log: string, request: ReceivedAppend) => void | Promise<void> = () => undefined;
  /** Versions of schemas that each answer of an append names. */
  schemasOfAppends: Readonly<Record<string, number>> | undefined;
  target: (log: string) => ForwardTarget = () => ({ kind: "local" });
  healthNow: NodeHealth = { live: true, ready: true, reasons: [] };
  statusNow: Partial<ClusterStatus> = {};
  copyNow: Partial<CopyInfo> = {};
  decided: DecisionInfo | undefined;
  transfers: { log: string; to: string | undefined }[] = [];
  readonly groupRequests: GroupRequest[] = [];
  groupAnswer: (request: GroupRequest) => unknown = () => undefined;
  readonly #logs = new Map<string, MemoryLog>();
  #time = Date.parse("2026-01-01T00:00:00Z");

  constructor(names: readonly string[] = ["audit"]) {
    for (const name of names) this.#create(name);
  }

  #create(name: string): void {
    this.#logs.set(name, { source: new MemorySource(), producers: new Map(), waiters: new Set() });
  }

  #log(name: string): MemoryLog {
    const log = this.#logs.get(name);
    if (log === undefined) throw new AnnalsError("ERR_LOG_NOT_FOUND", `there is no log "${name}"`);
    return log;
  }

  lastSeq(name: string): number {
    return this.#log(name).source.lastSeq;
  }

  async append(name: string, request: AppendRequest | ReceivedAppend): Promise<AppendReply> {
    const log = this.#log(name);
    const { body } = request;
    const received = { ...request, body: body instanceof Uint8Array ? body : body.bytes };
    this.appends.push(received);
    await this.beforeAppend(name, received);
    const { producer } = request;
    const latest = producer === undefined ? undefined : log.producers.get(producer.id);
    if (producer !== undefined && latest?.epoch === producer.epoch) {
      if (producer.sequence === latest.sequence) {
        const { firstSeq, lastSeq } = latest;
        return { firstSeq, lastSeq, count: lastSeq - firstSeq + 1, duplicate: true };
      }
      if (producer.sequence !== latest.sequence + 1) {
        throw new AnnalsError("ERR_PRODUCER_GAP", `next is ${latest.sequence + 1}`);
      }
    } else if (producer !== undefined && producer.sequence !== 1) {
      throw new AnnalsError("ERR_PRODUCER_UNKNOWN", "no request 1 is known");
    }
    const records = parse(received);
    const firstSeq = log.source.lastSeq + 1;
    this.#time += 1000;
    log.source.append(this.#time, records);
    const { lastSeq } = log.source;
    if (producer !== undefined) log.producers.set(producer.id, { ...producer, firstSeq, lastSeq });
    for (const wake of log.waiters) wake();
    this.afterAppend();
    const schemas = this.schemasOfAppends;
    const judged = schemas === undefined ? {} : { schemas };
    return { firstSeq, lastSeq, count: records.length, duplicate: false, ...judged };
  }

  async forwardTarget(log: string): Promise<ForwardTarget> {
    return this.target(log);
  }

  async read(name: string, query: ReadQuery): Promise<ReadReply> {
    const log = this.#log(name);
    this.reads.push(query);
    return runTailQuery(query, {
      log: name,
      codec: JSON_CODEC,
      budget: QUERY_BUDGET,
      now: () => performance.now(),
      giveWay: () => new Promise((resolve) => setImmediate(resolve)),
      open: () => log.source,
      waitForSeq: (seq, timeoutMs) => waitFor(log, seq, timeoutMs),
    });
  }

  async producer(name: string, id: string): Promise<ProducerStanding> {
    const latest = this.#log(name).producers.get(id);
    return { latest, nextEpoch: (latest?.epoch ?? 0) + 1 };
  }

  async group<Op extends GroupRequest["op"]>(
    name: string,
    request: GroupRequest & { readonly op: Op },
  ): Promise<GroupAnswers[Op]> {
    this.#log(name);
    this.groupRequests.push(request);
    return this.groupAnswer(request) as GroupAnswers[Op];
  }

  async blobs(name: string): Promise<MemoryBlobs> {
    this.#log(name);
    return this.files;
  }

  async logs(): Promise<readonly LogInfo[]> {
    return [...this.#logs].map(([name, log]) => this.#info(name, log));
  }

  #info(name: string, log: MemoryLog): LogInfo {
    const { firstSeq, lastSeq } = log.source;
    return {
      name,
      state: "open",
      reason: undefined,
      firstSeq,
      lastSeq,
      leader: "a",
      diskBytes: 0,
    };
  }

  async schemas(): Promise<readonly SchemaInfo[]> {
    return [...this.#schemas.values()].filter(({ schema }) => schema !== null);
  }

  assertSchema(schema: string): void {
    compileSchema(schema);
  }

  async setSchema(_log: string, action: string, schema: string | undefined): Promise<SchemaInfo> {
    const version = (this.#schemas.get(action)?.version ?? 0) + 1;
    const set = { action, version, schema: schema === undefined ? null : JSON.parse(schema) };
    this.#schemas.set(action, set);
    return set;
  }

  async createLog(name: string): Promise<LogInfo> {
    if (this.#logs.has(name)) throw new AnnalsError("ERR_LOG_EXISTS", `log "${name}" exists`);
    this.#create(name);
    return this.#info(name, this.#log(name));
  }

  async copy(log: string): Promise<CopyInfo> {
    const { lastSeq } = this.#log(log).source;
    const nothing = { reason: undefined, headHash: undefined, diverged: undefined };
    const copy = { lastIndex: lastSeq, lastTerm: 1, lastSeq, commitIndex: lastSeq };
    const none = { parted: undefined, emptiedFor: undefined, decision: undefined };
    return { node: "a", log, state: "open", ...copy, ...nothing, ...none, ...this.copyNow };
  }

  async resolveLog(log: string, { keep, by }: ResolveRequest): Promise<DecisionInfo> {
    this.#log(log);
    const at = "2026-01-01T00:00:00.000Z";
    this.decided = { decision: 17, keep, by, at, waitsFor: ["a", "b"] };
    return this.decided;
  }

  async cluster(): Promise<ClusterStatus> {
    return {
      cluster: "test",
      clusterId: "a8f0c1d2-test",
      node: "a",
      version: "0.0.0",
      nodes: [
        {
          id: "a",
          address: "127.0.0.1:1",
          reachable: true,
          pid: process.pid,
          reason: undefined,
          clock: undefined,
        },
      ],
      logs: [...this.#logs].map(([name, { source }]) => ({
        name,
        leader: this.leaderNow,
        term: 1,
        elections: 1,
        commitIndex: source.lastSeq,
        appliedIndex: source.lastSeq,
        lastIndex: source.lastSeq,
        lastSeq: source.lastSeq,
        headHash: undefined,
        diverged: undefined,
        decision: undefined,
        replicas: [
          { node: "a", role: "leader", matchIndex: source.lastSeq, paused: [], sent: undefined },
        ],
        pendingBytes: 0,
        flushes: 0,
        blobsNotSaved: 0,
        clockHandOvers: 0,
        isolation: undefined,
      })),
      linkFaults: {},
      clock: {
        state: "alone",
        held: false,
        stampOffsetMs: 0,
        offsetMs: undefined,
        uncertaintyMs: undefined,
      },
      workerRestarts: 0,
      workers: [],
      memory: undefined,
      scrub: { finishedAt: undefined, logs: 0, damaged: 0 },
      groups: [],
      reasons: [],
      ...this.statusNow,
    };
  }

  leaderNow = "a";
  /** Leadership is not taken by this node. */
  refusesToLead = "";

  async transferLeadership(log: string, to: string | undefined): Promise<void> {
    this.#log(log);
    if (to === "nobody") throw new AnnalsError("ERR_NODE_UNKNOWN", `there is no node "${to}"`);
    this.transfers.push({ log, to });
    if (to !== this.refusesToLead) this.leaderNow = to ?? "b";
  }

  health(): NodeHealth {
    return this.healthNow;
  }
}

function parse(request: ReceivedAppend): PlainRecord[] {
  if (request.contentType !== "application/json") {
    const { records } = parseIngestBody(request.contentType, request.body, RECORD_LIMITS);
    return records.map((bytes) => ({ ...decodeRecord(bytes) }));
  }
  const values: unknown[] = [parseExactly(Buffer.from(request.body).toString("utf8"))].flat();
  return values.map((value, position) => {
    const record = value as PlainRecord;
    if (typeof record["action"] === "string") return record;
    throw new AnnalsError("ERR_RECORD_FIELD_MISSING", `record ${position}: action is missing`, {
      details: { position, path: "action" },
    });
  });
}

function waitFor(log: MemoryLog, seq: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (log.source.lastSeq >= seq) {
      resolve();
      return;
    }
    const settle = (): void => {
      clearTimeout(timer);
      log.waiters.delete(settle);
      resolve();
    };
    const timer = setTimeout(settle, timeoutMs);
    log.waiters.add(settle);
  });
}
