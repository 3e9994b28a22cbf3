import type { Worker } from "node:worker_threads";
import { fromPlainError, LaneEnd } from "@annals/channel";
import { heapLimits } from "@annals/config";
import { LANE_WAITING_MAX, QUESTIONS_MAX } from "@annals/flow";
import type { Gauge, GaugeReading, Ledger } from "@annals/flow";
import { AnnalsError } from "@annals/record";
import { QueueBudget } from "@annals/transport";
import { GATEWAY_CODEC, WORKER_MAIN } from "@annals/worker";
import type {
  FromWorker,
  ToWorker,
  WorkerReplies,
  WorkerRequest,
  WorkerSetup,
} from "@annals/worker";
import { snapshotFlags } from "./memory/heapSnapshots.ts";
import { startThread } from "./startThread.ts";

export interface WorkerHandleOptions {
  readonly index: number;
  readonly setup: WorkerSetup;
  /** Bytes of request bodies that may be with the worker unanswered. */
  readonly maxPendingBytes: number;
  /** Bytes that all data links into the worker may have brought and that are not flushed. */
  readonly maxQueueBytes: number;
  /** Logs that may be opened or catch up at a time. */
  readonly maxCatchUps: number;
  readonly ledger: Ledger;
  readonly onMessage: (message: WorkerNews) => void;
  /** The thread has come up: what is sent from now on is handled at once. */
  readonly onRunning: () => void;
  /** The thread has ended. */
  readonly onExit: () => void;
}

/** What a worker says of itself, unasked. */
export type WorkerNews = Exclude<FromWorker, { kind: "running" | "reply" | "appended" | "error" }>;

interface Pending {
  readonly op: WorkerRequest["op"];
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AnnalsError) => void;
}

/** The gateway's view of one worker thread. Every request settles exactly once: by its answer, or by the end of the thread. */
export class WorkerHandle {
  readonly index: number;
  /** Bounds what the data links into this worker bring; the links join it. */
  readonly queue: QueueBudget;
  /** Logs of this worker that are being opened or catch up. */
  readonly catchUps: Gauge;
  readonly #options: WorkerHandleOptions;
  readonly #worker: Worker;
  readonly #lane: LaneEnd<ToWorker, FromWorker>;
  readonly #pending = new Map<number, Pending>();
  readonly #pendingBytes: Gauge;
  readonly #waiting: Gauge;
  readonly #laneWaiting: Gauge;
  readonly #exited: Promise<void>;
  #nextId = 1;
  #alive = true;
  #running = false;
  #retired = false;
  #endReason = "";
  #error: Error | undefined;

  constructor(options: WorkerHandleOptions) {
    this.index = options.index;
    this.#options = options;
    const { ledger } = options;
    this.#pendingBytes = ledger.family("worker.requests").gauge(options.maxPendingBytes);
    this.#waiting = ledger.family("waiters").gauge(QUESTIONS_MAX);
    this.catchUps = ledger.family("catch-ups").gauge(options.maxCatchUps);
    this.queue = new QueueBudget(options.maxQueueBytes, ledger.family("receive.worker"));
    this.#worker = startThread(WORKER_MAIN, snapshotFlags(options.setup.config), {
      workerData: options.setup,
      resourceLimits: heapLimits(options.setup.heapBytes),
      name: `annals-worker-${options.index}`,
    });
    this.#laneWaiting = ledger.family("lane").gauge(LANE_WAITING_MAX);
    this.#lane = new LaneEnd(this.#worker, GATEWAY_CODEC, (message) => this.#message(message), {
      waiting: this.#laneWaiting,
    });
    this.#worker.on("error", (error) => {
      this.#error = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#endReason = this.#error?.message ?? `it exited with ${code}`;
        this.#ended();
        resolve();
      });
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Whether the thread has come up. */
  get running(): boolean {
    return this.#running && this.#alive;
  }

  /** It was asked to end. */
  get retired(): boolean {
    return this.#retired;
  }

  /** Why the thread ended, once it has. */
  get endReason(): string {
    return this.#endReason;
  }

  /** Whether messages that may be lost should be. */
  get congested(): boolean {
    return this.#lane.congested;
  }

  /** Nothing new may be sent but what has been admitted. */
  get laneFull(): boolean {
    return this.#laneWaiting.full;
  }

  /** Seconds for which the thread's event loop had work; 0 once it has ended. */
  busySeconds(): number {
    return this.#alive ? this.#worker.performance.eventLoopUtilization().active / 1000 : 0;
  }

  pendingBytes(): GaugeReading {
    return this.#pendingBytes.read();
  }

  send(message: ToWorker): void {
    if (this.#alive) this.#lane.send(message);
  }

  /** Asks a hosted log. Rejects with its coded error, with ERR_NODE_OVERLOADED at the byte cap, or when the thread ends. */
  request<Op extends WorkerRequest["op"]>(
    logId: number,
    request: Extract<WorkerRequest, { op: Op }>,
  ): Promise<WorkerReplies[Op]> {
    if (!this.#alive) return Promise.reject(workerLost(request.op));
    const bytes = bodyBytes(request);
    if (bytes > 0 && this.#pendingBytes.current >= this.#pendingBytes.cap) {
      return Promise.reject(laneFull(this.#pendingBytes.read()));
    }
    if (this.#waiting.current >= this.#waiting.cap)
      return Promise.reject(tooManyQuestions(this.#waiting.read()));
    this.#pendingBytes.add(bytes);
    this.#waiting.add(1);
    const id = this.#nextId++;
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { op: request.op, bytes, resolve, reject });
      this.#lane.send({ kind: "request", id, logId, request });
    }) as Promise<WorkerReplies[Op]>;
  }

  /** Closes the worker's logs and ends the thread; after `graceMs` without ceremony. */
  async shutdown(graceMs: number): Promise<void> {
    this.#retired = true;
    this.send({ kind: "shutdown" });
    const killer = setTimeout(() => void this.#worker.terminate(), graceMs);
    await this.#exited;
    clearTimeout(killer);
  }

  #message(message: FromWorker): void {
    if (message.kind === "appended") this.#settle(message.id)?.resolve(message.reply);
    else if (message.kind === "reply") this.#settle(message.id)?.resolve(message.value);
    else if (message.kind === "error")
      this.#settle(message.id)?.reject(fromPlainError(message.error));
    else if (message.kind === "running") {
      this.#running = true;
      this.#options.onRunning();
    } else this.#options.onMessage(message);
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    this.#pendingBytes.remove(pending.bytes);
    this.#waiting.remove(1);
    return pending;
  }

  #ended(): void {
    this.#alive = false;
    this.#lane.close();
    this.queue.clear();
    for (const id of this.#pending.keys()) {
      const pending = this.#settle(id);
      pending?.reject(workerLost(pending.op));
    }
    this.#options.onExit();
  }
}

function bodyBytes(request: WorkerRequest): number {
  return request.op === "append" ? request.body.size : 0;
}

function workerLost(op: WorkerRequest["op"]): AnnalsError {
  if (op === "append") {
    return new AnnalsError(
      "ERR_OUTCOME_UNKNOWN",
      "the outcome of the append is unknown: the log's worker ended",
      {
        retryable: true,
      },
    );
  }
  return new AnnalsError(
    "ERR_WORKER_LOST",
    "the log's worker ended; the log moves to another one",
    { retryable: true },
  );
}

function tooManyQuestions({ current, cap }: GaugeReading): AnnalsError {
  return new AnnalsError(
    "ERR_OVERLOADED",
    `${current} requests wait for the worker, the cap is ${cap}: nothing of this one was accepted`,
    { retryable: true, details: { waiting: current, cap } },
  );
}

function laneFull({ current, cap }: GaugeReading): AnnalsError {
  return new AnnalsError(
    "ERR_NODE_OVERLOADED",
    `${current} bytes of requests wait for the worker, the cap is ${cap}: nothing of this request was accepted`,
    { retryable: true, details: { pendingBytes: current, cap } },
  );
}
