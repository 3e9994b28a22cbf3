import { randomInt } from "node:crypto";
import { Stagger } from "@annals/flow";
import type { Gauge, Ledger } from "@annals/flow";
import type { Logger } from "pino";
import type { PeerAddress, PeerChange, WorkerSetup } from "@annals/worker";
import { isolatedHeapBytes, workerHeapBytes } from "@annals/config";
import type { WorkerStatus } from "@annals/api";
import type { ClockWatch } from "./clockWatch.ts";
import type { EarlyScans } from "./earlyScans.ts";
import { Isolation } from "./isolation.ts";
import type { IsolatedLog } from "./isolation.ts";
import { displace } from "./logDirectory.ts";
import type { LogPlace, PlaceWait } from "./logDirectory.ts";
import { WorkerHandle } from "./workerHandle.ts";
import type { WorkerNews } from "./workerHandle.ts";

export interface WorkerPoolOptions {
  readonly setup: Omit<WorkerSetup, "isolated" | "heapBytes">;
  /** Who the members are now. */
  readonly members: () => readonly PeerAddress[];
  /** What is known of the files of logs that no worker has had yet. */
  readonly scans: EarlyScans;
  readonly logger: Logger;
  readonly ledger: Ledger;
  /** What clocks answer is passed on to every worker. */
  readonly clocks: Pick<ClockWatch, "heard" | "onHeard">;
  readonly onMessage: (worker: WorkerHandle, message: WorkerNews) => void;
  /** The worker has ended and its logs are displaced; links into it have to go. */
  readonly onLost: (worker: WorkerHandle) => void;
  /** Milliseconds that the worker of an isolated log has to live before the log is let out; default five minutes. */
  readonly behavedMs?: number;
  /** Monotonic milliseconds; default that of the process. */
  readonly now?: () => number;
}

/** A log, and what has become of it in this pool. */
interface Seat {
  readonly place: LogPlace;
  /** It had a worker before: handing it over takes its turn. */
  moved: boolean;
  openedAtMs: number;
}

const SHUTDOWN_GRACE_MS = 3500;
/** Deaths further apart have nothing to do with each other; a log whose own worker lived so long is let out. */
const ISOLATION_WINDOW_MS = 600_000;
const BEHAVED_MS = 300_000;
/** A log that takes so long to open lets others go first: its disk may hang. */
const OPENING_MS = 60_000;
/** The loop looks again after so long while anything is under way, whoever else wakes it. */
const LOOK_AGAIN_MS = 1000;

/**
 * Assigns logs to worker threads. One loop compares what is with what should be, and every event only wakes it: a dead worker is replaced,
 * and its logs, without a worker now, are handed over one by one, one interval apart across all crashes, each to a worker that has a place
 * for a log that catches up. A log that keeps killing its workers gets one for itself.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  /** By log, ascending: `_system` goes first. */
  readonly #seats = new Map<number, Seat>();
  readonly #stagger: Stagger;
  readonly #isolation: Isolation;
  #shared: WorkerHandle[];
  /** Workers of isolated logs, by slot. */
  readonly #isolated: (WorkerHandle | undefined)[];
  #timer: NodeJS.Timeout | undefined;
  #closing = false;
  #restarts = 0;
  readonly #slotsUsed: Gauge;
  readonly #now: () => number;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    const { count, maxIsolated, reassignStagger } = options.setup.config.workers;
    this.#stagger = new Stagger(reassignStagger);
    this.#slotsUsed = options.ledger.family("isolated").gauge(maxIsolated);
    this.#isolation = new Isolation({
      slots: maxIsolated,
      windowMs: ISOLATION_WINDOW_MS,
      behavedMs: options.behavedMs ?? BEHAVED_MS,
      randomBelow: randomInt,
    });
    this.#shared = Array.from({ length: count }, (_, index) => this.#start(index));
    this.#isolated = Array.from({ length: maxIsolated }, () => undefined);
    options.scans.onScanned = () => this.wake();
    options.clocks.onHeard = (heard) => {
      for (const worker of this.workers) worker.send({ kind: "clock", ...heard });
    };
  }

  /** All threads that run, those of isolated logs too. */
  get workers(): readonly WorkerHandle[] {
    return [...this.#shared, ...this.#isolated].filter(
      (worker) => worker?.alive === true,
    ) as WorkerHandle[];
  }

  /** Worker threads that ended without being asked to. */
  get restarts(): number {
    return this.#restarts;
  }

  views(): readonly WorkerStatus[] {
    return this.workers.map((worker) => {
      const places = this.#placesOf(worker);
      const names = (some: readonly LogPlace[]) => some.map(({ entry }) => entry.name);
      return {
        id: worker.index,
        isolated: this.#isolated.includes(worker),
        logs: names(places),
        catchingUp: names(places.filter(({ catchingUp }) => catchingUp)),
        busySeconds: worker.busySeconds(),
      };
    });
  }

  /** Undefined unless the log is isolated. */
  isolationOf(logId: number): IsolatedLog | undefined {
    return this.#isolation.read(logId, this.#now());
  }

  /** Tells every worker who the members are now. */
  membersChanged(): void {
    const members = this.#options.members();
    for (const worker of this.workers) worker.send({ kind: "members", members });
  }

  /** Tells all logs what the control link to a node says of it. */
  peerChanged(node: string, change: PeerChange): void {
    for (const worker of this.workers) worker.send({ kind: "peer", node, change });
  }

  /** Takes a log in; it is opened as soon as it is its turn. */
  assign(place: LogPlace): void {
    this.#seats.set(place.entry.id, { place, moved: false, openedAtMs: 0 });
    this.wake();
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    await Promise.all(this.workers.map((worker) => worker.shutdown(SHUTDOWN_GRACE_MS)));
  }

  /** Something may have changed: brings what is towards what should be. */
  wake(): void {
    if (this.#closing) return;
    clearTimeout(this.#timer);
    const nowMs = this.#now();
    this.#buryShared(nowMs);
    this.#buryIsolated(nowMs);
    this.#isolation.release(nowMs);
    this.#isolation.assign(nowMs);
    this.#staffSlots();
    for (const seat of this.#seats.values()) this.#stopWaitingFor(seat, nowMs);
    // Starting threads takes its time: an interval begins when a log is handed over.
    for (const seat of this.#seats.values())
      if (seat.place.worker === undefined) seat.place.waitsFor = this.#handOver(seat, this.#now());
    for (const worker of this.workers) worker.catchUps.set(this.#catchingUp(worker));
    this.#slotsUsed.set(this.#isolated.filter((worker) => worker !== undefined).length);
    const nextMs = this.#nextLookMs(this.#now());
    if (nextMs !== undefined) this.#timer = setTimeout(() => this.wake(), nextMs);
  }

  #placesOf(worker: WorkerHandle): readonly LogPlace[] {
    return [...this.#seats.values()].flatMap(({ place }) =>
      place.worker === worker ? [place] : [],
    );
  }

  #catchingUp(worker: WorkerHandle): number {
    return this.#placesOf(worker).filter(({ catchingUp }) => catchingUp).length;
  }

  #start(index: number, isolated = false): WorkerHandle {
    const { setup, onMessage } = this.#options;
    const { config } = setup;
    const handle: WorkerHandle = new WorkerHandle({
      index,
      setup: {
        ...setup,
        isolated,
        heapBytes: isolated ? isolatedHeapBytes(config) : workerHeapBytes(config),
      },
      maxPendingBytes: config.ingest.maxHeldBytes,
      maxQueueBytes: config.workers.maxQueueBytes,
      maxCatchUps: config.workers.maxCatchUps,
      ledger: this.#options.ledger,
      onMessage: (message) => onMessage(handle, message),
      onRunning: () => this.wake(),
      onExit: () => this.wake(),
    });
    handle.send({ kind: "members", members: this.#options.members() });
    for (const heard of this.#options.clocks.heard()) handle.send({ kind: "clock", ...heard });
    return handle;
  }

  #buryShared(nowMs: number): void {
    for (const worker of this.#shared.filter(({ alive }) => !alive)) {
      this.#bury(worker, nowMs, undefined);
      const fresh = this.#start(worker.index);
      this.#shared = this.#shared.map((one) => (one === worker ? fresh : one));
    }
  }

  #buryIsolated(nowMs: number): void {
    for (const [slot, worker] of this.#isolated.entries()) {
      if (worker === undefined || worker.alive) continue;
      this.#bury(worker, nowMs, slot);
      this.#isolated[slot] = undefined;
    }
  }

  /** Its logs are without a worker from here on; a death that nobody asked for is held against them. */
  #bury(worker: WorkerHandle, atMs: number, slot: number | undefined): void {
    const orphans = [...this.#seats.values()].filter(({ place }) => place.worker === worker);
    if (!worker.retired) {
      this.#restarts++;
      const suspects = orphans
        .map(({ place }) => ({ logId: place.entry.id, starting: place.catchingUp }))
        // The youngest are suspected first, and `_system`, without which no log is created, last.
        .toSorted((a, b) => b.logId - a.logId);
      this.#isolation.died({ atMs, reason: worker.endReason, suspects, slot });
      this.#options.logger.error(
        {
          worker: worker.index,
          reason: worker.endReason,
          logs: orphans.map(({ place }) => place.entry.name),
          isolated: this.#isolatedNames(),
        },
        "worker ended; its logs are handed to others",
      );
    }
    for (const seat of orphans) {
      displace(seat.place);
      seat.moved = true;
    }
    worker.catchUps.set(0);
    this.#options.onLost(worker);
  }

  #isolatedNames(): readonly string[] {
    return [...this.#seats.values()]
      .filter(({ place }) => this.#isolation.isolated(place.entry.id))
      .map(({ place }) => place.entry.name);
  }

  /** Starts the workers that isolated logs are to have, and ends those whose logs belong elsewhere now. */
  #staffSlots(): void {
    const { count } = this.#options.setup.config.workers;
    for (const [slot, worker] of this.#isolated.entries()) {
      if (worker === undefined) {
        if (this.#isolation.uses(slot)) this.#isolated[slot] = this.#start(count + slot, true);
        continue;
      }
      const stray = this.#placesOf(worker).some(
        ({ entry }) => this.#isolation.slotOf(entry.id) !== slot,
      );
      if (!worker.retired && (stray || !this.#isolation.uses(slot)))
        void worker.shutdown(SHUTDOWN_GRACE_MS);
    }
  }

  #stopWaitingFor({ place, openedAtMs }: Seat, nowMs: number): void {
    if (!place.catchingUp || place.opened || nowMs - openedAtMs < OPENING_MS) return;
    place.catchingUp = false;
    const { name } = place.entry;
    this.#options.logger.warn({ log: name }, "log is slow to open, continuing with the other logs");
  }

  /** Gives a log a worker, or says what it waits for. */
  #handOver(seat: Seat, nowMs: number): PlaceWait | undefined {
    const { place } = seat;
    const { id: logId, name, voters, schemas = [], decision } = place.entry;
    const workers = this.#workersFor(logId);
    if (workers.length === 0) return "isolation";
    const { maxCatchUps } = this.#options.setup.config.workers;
    const [worker] = workers
      .filter((one) => this.#catchingUp(one) < maxCatchUps)
      .toSorted((a, b) => this.#placesOf(a).length - this.#placesOf(b).length || a.index - b.index);
    if (worker === undefined) return "place";
    // What a thread is sent while it comes up it would meet all at once: an interval begins when it runs.
    if (!worker.running) return "worker";
    const scan = this.#options.scans.take(logId);
    if (scan === "running") return "scan";
    if (seat.moved && !this.#stagger.tryTake(nowMs)) return "interval";
    place.worker = worker;
    place.catchingUp = true;
    seat.openedAtMs = nowMs;
    const { campaign } = place;
    const scanned = scan === "clean";
    worker.send({ kind: "open", logId, name, voters, campaign, schemas, decision, scanned });
    if (seat.moved) {
      const isolated = this.#isolated.includes(worker);
      const atMs = Math.floor(nowMs);
      // The line itself may be late on a busy machine.
      this.#options.logger.info(
        { log: name, worker: worker.index, isolated, atMs },
        "log handed over",
      );
    }
    return undefined;
  }

  #workersFor(logId: number): readonly WorkerHandle[] {
    if (!this.#isolation.isolated(logId)) return this.#shared;
    const slot = this.#isolation.slotOf(logId);
    const worker = slot === undefined ? undefined : this.#isolated[slot];
    return worker === undefined || worker.retired ? [] : [worker];
  }

  #nextLookMs(nowMs: number): number | undefined {
    const places = [...this.#seats.values()].map(({ place }) => place);
    const busy = places.some(({ worker, catchingUp }) => worker === undefined || catchingUp);
    const waits = places.some(({ waitsFor }) => waitsFor === "interval");
    if (waits) return Math.min(LOOK_AGAIN_MS, Math.max(1, Math.ceil(this.#stagger.waitMs(nowMs))));
    return busy || this.#isolatedNames().length > 0 ? LOOK_AGAIN_MS : undefined;
  }
}
