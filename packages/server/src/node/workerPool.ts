import { Stagger } from "@annals/flow";
import type { Ledger } from "@annals/flow";
import type { Logger } from "pino";
import type { FromWorker, PeerAddress, WorkerSetup } from "../lane/messages.ts";
import { displace } from "./logDirectory.ts";
import type { LogPlace } from "./logDirectory.ts";
import { WorkerHandle } from "./workerHandle.ts";

export interface WorkerPoolOptions {
  readonly setup: WorkerSetup;
  /** Who the members are now. */
  readonly members: () => readonly PeerAddress[];
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly onMessage: (
    worker: WorkerHandle,
    message: Exclude<FromWorker, { kind: "reply" | "error" }>,
  ) => void;
  /** The logs of a worker that died are displaced; links into it have to go. */
  readonly onLost: (worker: WorkerHandle) => void;
}

const SHUTDOWN_GRACE_MS = 3500;

/**
 * Assigns logs to worker threads. When a thread ends, a fresh one takes its place and its logs are handed over one by one, one interval
 * apart across all crashes, so that no worker meets all the catching up at once.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #places = new Set<LogPlace>();
  readonly #stagger: Stagger;
  readonly #handovers = new Set<NodeJS.Timeout>();
  #workers: WorkerHandle[];
  #closing = false;
  #restarts = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { workers } = options.setup.config;
    this.#stagger = new Stagger(workers.reassignStagger);
    this.#workers = Array.from({ length: workers.count }, (_, index) => this.#start(index));
  }

  get workers(): readonly WorkerHandle[] {
    return this.#workers;
  }

  /** Worker threads that ended without being asked to. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Tells every worker who the members are now. */
  membersChanged(): void {
    const members = this.#options.members();
    for (const worker of this.#workers) worker.send({ kind: "members", members });
  }

  /** Gives a log to the worker that has fewest. */
  assign(place: LogPlace): void {
    this.#places.add(place);
    const [worker] = this.#workers.toSorted(
      (a, b) => this.#load(a) - this.#load(b) || a.index - b.index,
    );
    if (worker === undefined) return;
    place.worker = worker;
    const { entry, campaign } = place;
    worker.send({
      kind: "open",
      logId: entry.id,
      name: entry.name,
      voters: entry.voters,
      campaign,
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#handovers) clearTimeout(timer);
    await Promise.all(this.#workers.map((worker) => worker.shutdown(SHUTDOWN_GRACE_MS)));
  }

  #load(worker: WorkerHandle): number {
    return [...this.#places].filter((place) => place.worker === worker).length;
  }

  #start(index: number): WorkerHandle {
    const { setup, onMessage } = this.#options;
    const { config } = setup;
    const handle: WorkerHandle = new WorkerHandle({
      index,
      setup,
      maxHeapBytes: config.workers.maxHeapBytes,
      maxPendingBytes: config.ingest.maxPendingBytes,
      maxQueueBytes: config.workers.maxQueueBytes,
      ledger: this.#options.ledger,
      onMessage: (message) => onMessage(handle, message),
      onExit: (error) => this.#ended(handle, error),
    });
    handle.send({ kind: "members", members: this.#options.members() });
    return handle;
  }

  #ended(worker: WorkerHandle, error: Error | undefined): void {
    if (this.#closing) return;
    this.#restarts++;
    const orphans = [...this.#places].filter((place) => place.worker === worker);
    this.#options.logger.error(
      { worker: worker.index, err: error, logs: orphans.map((place) => place.entry.name) },
      "worker ended; its logs are handed to others",
    );
    for (const place of orphans) displace(place);
    this.#options.onLost(worker);
    this.#workers = this.#workers.map((one) => (one === worker ? this.#start(worker.index) : one));
    for (const place of orphans) this.#handOver(place);
  }

  #handOver(place: LogPlace): void {
    const timer = setTimeout(() => {
      this.#handovers.delete(timer);
      if (place.worker !== undefined || this.#closing) return;
      this.assign(place);
      this.#options.logger.info({ log: place.entry.name }, "log handed over");
    }, this.#stagger.reserve(performance.now()));
    this.#handovers.add(timer);
  }
}
