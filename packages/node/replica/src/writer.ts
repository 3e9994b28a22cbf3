import type { AppendTicket, Entry, HardState } from "@annals/raft";
import type { AnnalsError } from "@annals/record";
import { isRefusal } from "./errors.ts";
import type { ReplicaGauges } from "./replicaGauges.ts";
import type { AppliedUpdate, LogStore, Receipt, WriteCycle } from "./ports.ts";

/** A ticket, and the frames that are done with once it is durable. */
interface QueuedTicket {
  readonly ticket: AppendTicket;
  readonly receipts: readonly Receipt[];
}

interface WriterOptions {
  readonly gauges: Pick<ReplicaGauges, "writing">;
  readonly store: LogStore;
  readonly now: () => number;
  /** Derived state that goes into the same transaction, if any is due. Called once a cycle. */
  readonly takeApplied: () => AppliedUpdate | undefined;
  /** Takes derived state back that could not be written. */
  readonly restoreApplied: (update: AppliedUpdate) => void;
  /** These tickets are durable; called in order, at the end of a turn of its own. */
  readonly onDurable: (tickets: readonly AppendTicket[]) => void;
  readonly onError: (error: AnnalsError) => void;
}

/**
 * The writer loop: one transaction and one flush at a time. What gathers while a flush is in the air is merged into the next one; that is
 * the whole of group commit.
 */
export class Writer {
  readonly #options: WriterOptions;
  #queue: QueuedTicket[] = [];
  #startedMs: number | undefined;
  /** The commit index alone is not worth a flush: it travels with the next cycle. */
  #lazyHardState: HardState | undefined;
  #idle: (() => void)[] = [];
  #refusal: AnnalsError | undefined;
  /** The disk has refused since the last tick. */
  #refusedNow = false;
  #flushes = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Cycles that were flushed so far. */
  get flushes(): number {
    return this.#flushes;
  }

  get busy(): boolean {
    return this.#startedMs !== undefined;
  }

  /** Why the disk took nothing of the last cycle, or takes nothing now: what is in the queue goes there when it does. */
  get refusal(): AnnalsError | undefined {
    return this.#refusal ?? this.#options.store.refusal;
  }

  /** Age of the write in the air in ms, 0 when there is none. */
  stalledMs(nowMs: number): number {
    return this.#startedMs === undefined ? 0 : nowMs - this.#startedMs;
  }

  enqueue(ticket: AppendTicket, receipts: readonly Receipt[]): void {
    this.#queue.push({ ticket, receipts });
  }

  /** Starts the next cycle unless one is in the air, or the disk has just refused one. */
  kick(): void {
    if (this.busy || this.#refusedNow || this.#queue.length === 0) return;
    const queue = this.#queue;
    this.#queue = [];
    const tickets = queue.map((queued) => queued.ticket);
    if (!tickets.some((ticket) => ticket.mustSync)) {
      this.#lazyHardState = lastHardState(tickets) ?? this.#lazyHardState;
      finish(queue);
      this.#options.onDurable(tickets);
      return;
    }
    this.#write(
      {
        entries: mergeEntries(tickets),
        hardState: lastHardState(tickets) ?? this.#lazyHardState,
        applied: this.#options.takeApplied(),
      },
      queue,
    );
  }

  #write(cycle: WriteCycle, queue: readonly QueuedTicket[]): void {
    this.#lazyHardState = undefined;
    this.#startedMs = this.#options.now();
    this.#options.gauges.writing(cycle.entries);
    this.#options.store.write(cycle).then(
      () => {
        this.#startedMs = undefined;
        this.#refusal = undefined;
        this.#flushes++;
        this.#options.gauges.writing([]);
        finish(queue);
        this.#options.onDurable(queue.map((queued) => queued.ticket));
        this.#settleIdle();
      },
      (error: AnnalsError) => {
        this.#startedMs = undefined;
        this.#options.gauges.writing([]);
        if (isRefusal(error)) {
          this.#retryLater(cycle, queue, error);
          return;
        }
        finish(queue);
        this.drop();
        this.#options.onError(error);
        this.#settleIdle();
      },
    );
  }

  /** Nothing was written, so the same tickets go first again; until then no ack leaves, and the leader's window bounds what piles up. */
  #retryLater(cycle: WriteCycle, queue: readonly QueuedTicket[], error: AnnalsError): void {
    this.#refusal = error;
    this.#refusedNow = true;
    this.#queue = [...queue, ...this.#queue];
    this.#lazyHardState = cycle.hardState;
    if (cycle.applied !== undefined) this.#options.restoreApplied(cycle.applied);
    this.#options.onError(error);
    this.#settleIdle();
  }

  /** A tick has passed: what the disk has refused may be tried again. At once it would be refused for the same reason, again and again. */
  tick(): void {
    this.#refusedNow = false;
  }

  /** What is not in the air yet is never written. */
  drop(): void {
    finish(this.#queue.splice(0));
  }

  /** A clean end: writes what is still queued, so that the next start has less to fetch and to apply. Nothing of it is acknowledged. */
  async flushRest(): Promise<void> {
    await this.untilIdle();
    const queue = this.#queue;
    this.#queue = [];
    finish(queue);
    const tickets = queue.map((queued) => queued.ticket);
    // Derived state may rest on a commit index that is queued, and that on entries that are: all or nothing.
    const cycle = {
      entries: mergeEntries(tickets),
      hardState: lastHardState(tickets) ?? this.#lazyHardState,
      applied: this.#options.takeApplied(),
    };
    if (cycle.entries.length === 0 && cycle.hardState === undefined && cycle.applied === undefined)
      return;
    await this.#options.store.write(cycle);
  }

  /** Resolves when no write is in the air. */
  untilIdle(): Promise<void> {
    if (!this.busy) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #settleIdle(): void {
    if (this.busy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function finish(queue: readonly QueuedTicket[]): void {
  for (const queued of queue) for (const receipt of queued.receipts) receipt.durable();
}

function lastHardState(tickets: readonly AppendTicket[]): HardState | undefined {
  return tickets.findLast((ticket) => ticket.hardState !== undefined)?.hardState;
}

/** The entries of several tickets as one run: a later ticket that starts lower replaces what it overlaps. */
function mergeEntries(tickets: readonly AppendTicket[]): readonly Entry[] {
  const only = tickets.length === 1 ? tickets[0] : undefined;
  if (only !== undefined) return only.entries;
  const merged: Entry[] = [];
  for (const { entries } of tickets) {
    const first = entries[0];
    if (first === undefined) continue;
    const base = merged[0]?.index ?? first.index;
    if (first.index < base + merged.length) merged.length = Math.max(0, first.index - base);
    for (const entry of entries) merged.push(entry);
  }
  return merged;
}
