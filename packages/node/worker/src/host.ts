import { setImmediate } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";
import type { AppendReply } from "@annals/api";
import { crossingOf, exactly, reasonFields, toPlainError } from "@annals/channel";
import { PAGES_MAX } from "@annals/flow";
import type { Gauge, Ledger } from "@annals/flow";
import type { MemberId } from "@annals/raft";
import { AnnalsError, RECORD_LIMITS } from "@annals/record";
import type { ParsedRecords, RecordLimits } from "@annals/record";
import { replicaClosed } from "@annals/replica";
import type { StampClock } from "@annals/replica";
import { AnnouncedBytes, TailScanner } from "@annals/storage";
import { Permits } from "@annals/transport";
import {
  assertPlaced,
  decodeFrame,
  encodeFrame,
  letGo,
  parseIngestBody,
  parseIngestBodyInSteps,
} from "@annals/wire";
import type {
  FromWorker,
  PeerAddress,
  ToWorker,
  WorkerMemory,
  WorkerReplies,
  WorkerRequest,
  WorkerSetup,
} from "./lane/messages.ts";
import { nodeStampClock } from "./nodeStampClock.ts";
import { runGroupRequest } from "./groupRequests.ts";
import type { SchemaJudge } from "./schema/schemaJudge.ts";
import { hostedCopy } from "./hostedCopy.ts";
import type { HostedLog } from "./hostedLog.ts";
import { LogLifecycle } from "./logLifecycle.ts";
import type { LinkReplies } from "./linkReplies.ts";
import { NOT_HEEDED } from "./logVerdict.ts";
import { withNamedLeader } from "./namedLeader.ts";
import { isKnown, producerStanding } from "./producerStanding.ts";
import { readPage } from "./readPage.ts";

type AppendRequest = Extract<WorkerRequest, { op: "append" }>;

/** Sends a message over the lane; `whenHandled` is called when the gateway has handled it. */
type SendToGateway = (message: FromWorker, whenHandled?: () => void) => void;

/** Runs the logs that the gateway gave this worker. */
export class LogHost {
  readonly #setup: WorkerSetup;
  readonly #limits: RecordLimits;
  readonly #send: SendToGateway;
  readonly #congested: () => boolean;
  readonly #logs = new Map<number, LogLifecycle>();
  #members: readonly PeerAddress[] = [];
  readonly #linkOwners = new Map<number, HostedLog>();
  readonly #ledger: Ledger;
  /** Replies over links that wait for room in the lane. */
  readonly #heldReplies = new Set<LinkReplies>();
  /** Links over which peers ask for entries. */
  readonly #askers = new Map<number, LogLifecycle>();
  readonly #blobPermits: Permits;
  readonly #announced = new AnnouncedBytes();
  readonly #scanner = new TailScanner();
  readonly #pagePermits: Permits;
  readonly #heap: Gauge;
  readonly #stamps: StampClock;
  readonly #ticker: NodeJS.Timeout;
  #lastTickMs = performance.now();

  constructor(setup: WorkerSetup, ledger: Ledger, send: SendToGateway, congested: () => boolean) {
    this.#setup = setup;
    const { maxRecordBytes, maxRecords } = setup.config.ingest;
    this.#limits = { ...RECORD_LIMITS, maxRecordBytes, maxRecords };
    this.#ledger = ledger;
    this.#stamps = nodeStampClock(setup.config);
    this.#send = send;
    this.#congested = congested;
    const { maxConcurrent } = setup.config.replication.blob;
    this.#blobPermits = new Permits(maxConcurrent, this.#ledger.family("blobs.sending"));
    this.#heap = setup.isolated
      ? this.#ledger.family("heap.isolated").gauge(setup.heapBytes)
      : this.#ledger.family("heap.worker").gauge(setup.heapBytes);
    this.#pagePermits = new Permits(PAGES_MAX, this.#ledger.family("pages"));
    this.#ticker = setInterval(() => this.#tick(), setup.config.raft.tick);
  }

  /** Handles everything but `shutdown`. */
  handle(message: Exclude<ToWorker, { kind: "shutdown" }>): void {
    switch (message.kind) {
      case "members":
        this.#members = message.members;
        return;
      case "open":
        this.#open(message);
        return;
      case "decision":
        this.#logs.get(message.logId)?.decide(message.decision);
        return;
      case "schemas":
        this.#logs.get(message.logId)?.judgeBy(message.schemas);
        return;
      case "peer":
        for (const log of this.#logs.values())
          log.hosted?.peerChanged(message.node, message.change);
        return;
      case "clock":
        this.#stamps.heard(message.node, message.sample);
        return;
      case "control":
        this.#logs.get(message.logId)?.hosted?.onControl(message.bytes, message.from);
        return;
      case "linkOpened":
        this.#linkOpened(message);
        return;
      case "linkFrame":
        this.#linkFrame(message.linkId, message.bytes);
        return;
      case "linkClosed":
        this.#linkOwners.get(message.linkId)?.linkClosed(message.linkId);
        this.#linkOwners.delete(message.linkId);
        this.#askers.delete(message.linkId);
        return;
      case "damage":
        this.#logs
          .get(message.logId)
          ?.damaged(new AnnalsError("ERR_LOG_DAMAGED", `found by the scrub: ${message.what}`));
        return;
      case "request":
        void this.#answer(message.id, message.logId, message.request);
        return;
      default:
        message satisfies never;
    }
  }

  /** The gateway keeps up again; so many lines were lost meanwhile. */
  laneHasRoom(droppedLines: number): void {
    this.#flushReplies();
    if (droppedLines === 0) return;
    const text = "log lines were dropped: the gateway was busy";
    this.#send({ kind: "line", level: "warn", text, fields: { lines: droppedLines } });
  }

  #flushReplies(): void {
    for (const replies of this.#heldReplies) replies.flush();
  }

  async close(): Promise<void> {
    clearInterval(this.#ticker);
    await Promise.all([...this.#logs.values()].map((log) => this.#closeLog(log)));
    this.#scanner.close();
  }

  /** A log that could not write its last derived state has lost nothing that was acknowledged; the others close all the same. */
  async #closeLog(log: LogLifecycle): Promise<void> {
    try {
      await log.close();
    } catch (error) {
      const text = "the last derived state was not written";
      const fields = { log: log.name, ...reasonFields(error) };
      this.#send({ kind: "line", level: "warn", text, fields });
    }
  }

  #tick(): void {
    const { tick } = this.#setup.config.raft;
    const elapsed = Math.max(1, Math.floor((performance.now() - this.#lastTickMs) / tick));
    this.#lastTickMs = performance.now();
    for (const log of this.#logs.values()) log.hosted?.tick(elapsed);
    if (!this.#congested()) this.#flushReplies();
  }

  #open({ schemas, ...log }: Extract<ToWorker, { kind: "open" }>): void {
    const kept = new LogLifecycle({
      ...log,
      blobPermits: this.#blobPermits,
      announced: this.#announced,
      scanner: this.#scanner,
      ledger: this.#ledger,
      setup: this.#setup,
      stamps: this.#stamps,
      members: () => this.#members,
      send: this.#send,
      congested: this.#congested,
      heldReplies: this.#heldReplies,
      onUnexpected: (error) => this.#unexpected(error),
    });
    kept.judgeBy(schemas);
    this.#logs.set(log.logId, kept);
  }

  #linkOpened(message: Extract<ToWorker, { kind: "linkOpened" }>): void {
    const { linkId, logId, from, epoch, purpose } = message;
    const kept = this.#logs.get(logId);
    if (kept !== undefined && purpose === "repair") {
      this.#askers.set(linkId, kept);
      return;
    }
    const log = kept?.heeds(from) === false ? undefined : kept?.hosted;
    if (log === undefined) {
      this.#send({ kind: "linkFault", linkId, ...linkRefusal(kept, from) });
      return;
    }
    this.#linkOwners.set(linkId, log);
    log.linkOpened(linkId, from, epoch);
  }

  #linkFrame(linkId: number, bytes: Uint8Array): void {
    const log = this.#linkOwners.get(linkId);
    if (log !== undefined) {
      log.linkFrame(linkId, bytes);
      return;
    }
    this.#send({ kind: "linkReleased", linkId, bytes: bytes.length, frames: 1 });
    const asked = this.#askers.get(linkId);
    if (asked !== undefined) this.#lend(asked, linkId, bytes);
  }

  /** A peer repairs its copy of the log and asks for entries; untrusted. */
  #lend(log: LogLifecycle, linkId: number, bytes: Uint8Array): void {
    try {
      const frame = decodeFrame(bytes);
      assertPlaced(frame, "repair:dialler");
      if (frame.kind !== "fetch") return;
      const { from, to } = frame;
      const page = encodeFrame({ kind: "page", from, ...log.page(from, to) });
      this.#send({ kind: "linkSend", linkId, frames: [exactly(page)] });
    } catch (error) {
      if (!(error instanceof AnnalsError)) throw error;
      this.#send({ kind: "linkFault", linkId, code: error.code, reason: error.message });
    }
  }

  async #answer(id: number, logId: number, request: WorkerRequest): Promise<void> {
    const kept = this.#logs.get(logId);
    try {
      if (request.op === "memory") {
        this.#send({ kind: "reply", id, value: this.#memory() });
        return;
      }
      const log = kept?.hosted;
      if (log === undefined)
        throw kept?.refusal ?? (kept?.repairing === true ? logRepairing() : logNotOpen());
      if (request.op === "read") await this.#read(id, log, request);
      else if (request.op === "append")
        this.#send({ kind: "appended", id, reply: await this.#append(log, kept?.judge, request) });
      else this.#send({ kind: "reply", id, value: await this.#run(log, request) });
    } catch (error) {
      this.#unexpected(error);
      const damaged = kept?.damaged(error) === true;
      const told = storageHasEnded(error) ? replicaClosed() : damaged ? logRepairing() : error;
      const named = withNamedLeader(told, this.#members);
      this.#send({ kind: "error", id, error: toPlainError(named) });
    }
  }

  /** A page has its permit until the gateway has it: what is built and not handed over is bounded, too. */
  async #read(
    id: number,
    log: HostedLog,
    { query, timeoutMs }: Extract<WorkerRequest, { op: "read" }>,
  ): Promise<void> {
    await readPage(log, query, timeoutMs, this.#pagePermits, (value) => {
      return new Promise((resolve) => this.#send({ kind: "reply", id, value }, resolve));
    });
  }

  #memory(): WorkerMemory {
    const { used_heap_size: used } = getHeapStatistics();
    this.#heap.set(used);
    return { gauges: this.#ledger.read(), pauses: this.#ledger.pauses() };
  }

  async #run(
    log: HostedLog,
    request: Exclude<WorkerRequest, { op: "memory" | "read" | "append" }>,
  ): Promise<WorkerReplies[WorkerRequest["op"]]> {
    switch (request.op) {
      case "barrier":
        await log.replica.readBarrier(request.timeoutMs);
        return undefined;
      case "producer":
        return producerStanding(log.replica, request.id);
      case "group":
        return runGroupRequest(log, request.request, this.#setup.config.groups.lease);
      case "command":
        return log.replica.command(request.data);
      case "transfer":
        return log.replica.transferLeadership(request.to);
      case "status":
        return log.status();
      case "copy":
        return hostedCopy(log);
      default:
        return request satisfies never;
    }
  }

  #append(
    log: HostedLog,
    judge: SchemaJudge | undefined,
    request: AppendRequest,
  ): Promise<AppendReply> {
    const small = crossingOf(request.body.size) === "packed";
    if (judge !== undefined || !small || !log.appendTurns.idle)
      return this.#appendInTurn(log, judge, request);
    // A small body is read at once, and nothing is under way that it could overtake.
    const { contentType, body, stamp, timeoutMs } = request;
    const { records, attachments } = parseIngestBody(contentType, body.bytes, this.#limits);
    return log.replica.append({ records, attachments, stamp, timeoutMs });
  }

  async #appendInTurn(
    log: HostedLog,
    judge: SchemaJudge | undefined,
    request: AppendRequest,
  ): Promise<AppendReply> {
    const { timeoutMs, stamp, body } = request;
    // A large body gives way while it is read; a producer's next request must not overtake it.
    const { answer, judgedBy } = await log.appendTurns.run(async () => {
      const { records, attachments } = await this.#inSteps(this.#parse(request));
      // Records in JSON were copied on the way to msgpack; others are views of the body.
      if (request.contentType !== "application/msgpack" && !body.shared)
        letGo(new Uint8Array(body.move().buffer));
      // What is in the log already was judged then, and its answer stays what it was.
      const isRepeat = stamp !== undefined && isKnown(log.replica, stamp);
      const judgedBy =
        judge === undefined || isRepeat ? {} : await this.#inSteps(judge.judge(records));
      return {
        answer: log.replica.append({ records, attachments, stamp, timeoutMs }),
        judgedBy,
      };
    });
    const reply = await answer;
    return Object.keys(judgedBy).length === 0 ? reply : { ...reply, schemas: judgedBy };
  }

  #parse({ contentType, body }: AppendRequest): Generator<void, ParsedRecords, void> {
    return parseIngestBodyInSteps(contentType, body.bytes, this.#limits);
  }

  /** Lets the thread's other work go first after some milliseconds. */
  async #inSteps<T>(steps: Generator<void, T, void>): Promise<T> {
    const { replication } = this.#setup.config;
    let giveWayMs = performance.now() + replication.receive.yieldAfter;
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (performance.now() < giveWayMs) continue;
      await setImmediate();
      giveWayMs = performance.now() + replication.receive.yieldAfter;
    }
  }

  /** What is no coded error is a bug: it goes to the log with its stack, and to nobody else. */
  #unexpected(error: unknown): void {
    if (!(error instanceof Error) || "code" in error) return;
    this.#send({
      kind: "line",
      level: "error",
      text: "unexpected failure",
      fields: { stack: error.stack },
    });
  }
}

/** Nothing is wrong with the request: this node is about to end, and another one may answer. */
function storageHasEnded(error: unknown): boolean {
  if (!(error instanceof AnnalsError)) return false;
  return error.code === "ERR_STORAGE_FAILED" || error.code === "ERR_STORAGE_CLOSED";
}

/** Why a leader cannot stream to a log here. */
function linkRefusal(
  kept: LogLifecycle | undefined,
  from: MemberId,
): { readonly code: string; readonly reason: string } {
  if (kept?.heeds(from) === false) return NOT_HEEDED;
  if (kept?.repairing === true)
    return { code: "ERR_LOG_REPAIRING", reason: "the log is being repaired on this node" };
  return { code: "ERR_LOG_NOT_OPEN", reason: "this node does not hold the log yet" };
}

function logRepairing(): AnnalsError {
  return new AnnalsError(
    "ERR_LOG_REPAIRING",
    "this node's copy of the log is damaged and being repaired: another node may answer",
    { retryable: true },
  );
}

function logNotOpen(): AnnalsError {
  return new AnnalsError("ERR_LOG_NOT_OPEN", "the log is being opened on this node", {
    retryable: true,
  });
}
