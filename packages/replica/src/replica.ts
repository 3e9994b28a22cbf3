import type { GaugeReading } from "@annals/flow";
import { decodeMembershipChange, invariant, RaftCore } from "@annals/raft";
import type {
  AppendTicket,
  Entry,
  LogIndex,
  MemberId,
  Message,
  RaftStatus,
  Ready,
  Role,
  Term,
  Trace,
} from "@annals/raft";
import { AnnalsError, asSeq, decodeBatchHeader, encodeBatch } from "@annals/record";
import type { ProducerStamp, Seq } from "@annals/record";
import { AppendQueue } from "./appendQueue.ts";
import type { AppendResult, FormedBatch, PendingAppend } from "./appendQueue.ts";
import { AppliedState } from "./appliedState.ts";
import type { ReplicaConfig } from "./config.ts";
import { diskFull, notLeader, outcomeUnknown, overloaded, replicaClosed } from "./errors.ts";
import type {
  Clock,
  LogStore,
  PeerTransport,
  ProducerState,
  RandomBelow,
  Receipt,
} from "./ports.ts";
import { ProducerTable } from "./producers.ts";
import { ReadBarrier } from "./readBarrier.ts";
import { SeqWaiters } from "./seqWaiters.ts";
import { Writer } from "./writer.ts";

export interface ReplicaOptions {
  readonly self: MemberId;
  readonly config: ReplicaConfig;
  readonly store: LogStore;
  readonly transport: PeerTransport;
  readonly clock: Clock;
  readonly randomBelow: RandomBelow;
  readonly events: ReplicaEvents;
}

/** What a replica tells its host. Called inside a turn: handlers only take note. */
export interface ReplicaEvents {
  readonly onRole: (role: Role, leader: MemberId, term: Term) => void;
  /** A committed `command` entry was applied. After a restart commands above the stored applied index come again. */
  readonly onCommand: (index: LogIndex, data: Uint8Array) => void;
  readonly onTrace: (trace: Trace) => void;
  /** Storage failed: the replica has left all votes and acks for good, and the process should end (fail-stop). */
  readonly onFailed: (error: AnnalsError) => void;
}

export interface AppendRequest {
  /** One stored record each, checked at the edge; at least one. */
  readonly records: readonly Uint8Array[];
  readonly stamp: ProducerStamp | undefined;
  readonly timeoutMs: number;
}

export interface ReplicaStatus {
  readonly raft: RaftStatus;
  readonly appliedSeq: Seq;
  readonly pendingBytes: GaugeReading;
  readonly headHash: Uint8Array;
  readonly diskBytes: number;
  /** The oldest write is older than an election timeout: nothing leaves this replica until it ends. */
  readonly stalled: boolean;
  readonly diskFull: boolean;
  readonly producers: number;
}

interface PendingCommand {
  readonly term: Term;
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: AnnalsError) => void;
}

type Event =
  | { readonly kind: "tick"; readonly elapsed: number }
  | {
      readonly kind: "messages";
      readonly messages: readonly Message[];
      readonly receipt: Receipt | undefined;
    }
  | { readonly kind: "durable"; readonly tickets: readonly AppendTicket[] };

/** Ticks between two looks at reads that got no answer. */
const READ_RETRY_TICKS = 3;

/**
 * One replica of one log. Callbacks only enqueue; a turn steps everything that gathered through the core, then drains it once: one frame
 * per peer, one write, one run of applies. Whatever decides correctness is here or in the core; what is below the ports is thin.
 */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #core: RaftCore;
  readonly #writer: Writer;
  readonly #appends: AppendQueue;
  readonly #producers: ProducerTable;
  readonly #applied: AppliedState;
  readonly #reads: ReadBarrier;
  readonly #seqWaiters = new SeqWaiters();
  readonly #commands = new Map<LogIndex, PendingCommand>();
  #events: Event[] = [];
  /** Frames stepped since the last drain; done with when that drain's write is durable. */
  #receipts: Receipt[] = [];
  #turnScheduled = false;
  #state: "running" | "closing" | "failed" = "running";
  #role: Role = "follower";
  #leader: MemberId;
  /** True once this leader has applied an entry of its own term: from then on its tables are exact. */
  #accepting = false;
  #appliedSeq: Seq;
  #nextSeq: Seq;
  #lastRecordedAt = 0;
  #diskFull = false;
  #stalled = false;
  #ticks = 0;

  constructor(options: ReplicaOptions) {
    const { config, store } = options;
    this.#options = options;
    this.#core = new RaftCore(
      {
        id: options.self,
        electionTicks: config.electionTicks,
        heartbeatTicks: config.heartbeatTicks,
        maxAppendBytes: config.append.maxBytes,
        maxAppendEntries: config.append.maxEntries,
        maxInflightMessages: config.append.maxInflightMessages,
        maxInflightBytes: config.append.maxInflightBytes,
        maxUncommittedBytes: config.maxUncommittedBytes,
        maxCommittedBytes: config.maxCommittedBytes,
        preVote: true,
        checkQuorum: true,
        readOnly: "safe",
        stepDownOnRemoval: true,
        disableMembershipValidation: false,
        disableProposalForwarding: true,
        applied: store.appliedIndex(),
        randomBelow: options.randomBelow,
      },
      store,
    );
    this.#leader = this.#core.status().leader;
    this.#appends = new AppendQueue(config.maxPendingBytes);
    this.#producers = new ProducerTable(config.maxProducers, store.producers());
    this.#applied = new AppliedState(store.appliedIndex(), this.#producers);
    const last = lastRecordsHeader(store);
    this.#appliedSeq = last.seq;
    this.#nextSeq = last.seq;
    this.#lastRecordedAt = last.recordedAt;
    this.#reads = new ReadBarrier((context) => this.#core.readIndex(context));
    this.#writer = new Writer({
      store,
      now: () => options.clock.now(),
      takeApplied: () => this.#applied.take(),
      restoreApplied: (update) => this.#applied.restore(update),
      onDurable: (tickets) => this.#enqueue({ kind: "durable", tickets }),
      onError: (error) => this.#onStorageError(error),
    });
    this.#schedule();
  }

  /** `elapsed` whole ticks have passed since the last call; more than one if the thread was held up. */
  tick(elapsed: number): void {
    this.#enqueue({ kind: "tick", elapsed });
  }

  /** Messages from a peer, in order. The receipt is for their accounting; small control messages go without. */
  receive(messages: readonly Message[], receipt?: Receipt): void {
    this.#enqueue({ kind: "messages", messages, receipt });
  }

  /**
   * Appends records; resolves when all of them are committed and applied. Rejects with ERR_NOT_LEADER, ERR_OVERLOADED, ERR_DISK_FULL,
   * ERR_REPLICA_CLOSED or an ERR_PRODUCER_… code when nothing was accepted, and with ERR_OUTCOME_UNKNOWN when it may be.
   */
  append(request: AppendRequest): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#options.clock.now() + request.timeoutMs;
      const waiter = { resolve, reject, deadlineMs };
      const { stamp } = request;
      const underway = stamp === undefined ? undefined : this.#appends.find(stamp);
      if (underway !== undefined) {
        underway.waiters.push(waiter);
        return;
      }
      this.#assertAccepting();
      const verdict =
        stamp === undefined ? undefined : this.#producers.judge(stamp, request.records.length);
      if (verdict?.kind === "repeat") {
        resolve({ ...verdict.answer, duplicate: true });
        return;
      }
      if (stamp !== undefined) this.#producers.reserve(stamp);
      const alreadyIn = verdict?.kind === "resume" ? verdict.answer : undefined;
      this.#appends.push(pendingAppend(request, alreadyIn, waiter));
      this.#schedule();
    });
  }

  #assertAccepting(): void {
    if (this.#state !== "running") throw replicaClosed();
    if (!this.#accepting) throw notLeader(this.#leader);
    if (this.#diskFull) throw diskFull();
    if (this.#appends.full) {
      const { current, cap } = this.#appends.readGauge();
      throw overloaded(current, cap);
    }
  }

  /** Proposes a command entry; resolves with its index when it is applied here. */
  command(data: Uint8Array): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.#assertAccepting();
      const outcome = this.#core.propose([{ kind: "command", data }]);
      if (outcome.kind !== "accepted") throw notLeader(this.#leader);
      this.#commands.set(outcome.firstIndex, { term: this.#core.term, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves once this replica has applied all that was committed anywhere when it was called. Rejects with ERR_NO_QUORUM. */
  readBarrier(timeoutMs: number): Promise<void> {
    if (this.#state !== "running") return Promise.reject(replicaClosed());
    const done = this.#reads.add(this.#options.clock.now(), timeoutMs);
    this.#schedule();
    return done;
  }

  /** Resolves when `seq` is applied here, the time is over or the replica closes: look again. */
  waitForSeq(seq: Seq, timeoutMs: number): Promise<void> {
    if (this.#state !== "running" || seq <= this.#appliedSeq) return Promise.resolve();
    return this.#seqWaiters.wait(seq, this.#options.clock.now() + timeoutMs);
  }

  /** Hands leadership to `to`, or to the follower that is furthest; returns whom it asked, or undefined if there is nobody or it does not lead. */
  transferLeadership(to?: MemberId): MemberId | undefined {
    const status = this.#core.status();
    if (status.role !== "leader") return undefined;
    const target = to ?? furthestFollower(status, this.#options.self);
    if (target === undefined) return undefined;
    this.#core.transferLeadership(target);
    this.#schedule();
    return target;
  }

  /** Seq of the last record that may be read here. */
  get appliedSeq(): Seq {
    return this.#appliedSeq;
  }

  get role(): Role {
    return this.#role;
  }

  get leader(): MemberId {
    return this.#leader;
  }

  producer(id: string): ProducerState | undefined {
    return this.#producers.get(id);
  }

  status(): ReplicaStatus {
    const { store } = this.#options;
    return {
      raft: this.#core.status(),
      appliedSeq: this.#appliedSeq,
      pendingBytes: this.#appends.readGauge(),
      headHash: store.headHash(),
      diskBytes: store.diskBytes(),
      stalled: this.#stalled,
      diskFull: this.#diskFull,
      producers: this.#producers.size,
    };
  }

  /** A peer cannot be reached: replication to it goes back to probing. */
  reportUnreachable(member: MemberId): void {
    if (this.#state !== "running") return;
    this.#core.reportUnreachable(member);
    this.#schedule();
  }

  /** Ends everything that waits, writes what is derived, closes the store. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === "running") {
      this.#state = "closing";
      this.#appends.rejectAll(replicaClosed, "the replica was closed");
      this.#rejectWaiters(replicaClosed);
      await this.#writer.flushApplied();
    }
    this.#dropEvents();
    await this.#options.store.close();
  }

  #rejectWaiters(error: () => AnnalsError): void {
    for (const command of this.#commands.values())
      command.reject(outcomeUnknown("the replica was closed"));
    this.#commands.clear();
    this.#reads.rejectAll(error);
    this.#seqWaiters.close();
  }

  #dropEvents(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) {
      if (event.kind !== "messages") continue;
      event.receipt?.stepped();
      event.receipt?.durable();
    }
    this.#letGo();
  }

  #enqueue(event: Event): void {
    this.#events.push(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#options.clock.defer(() => {
      this.#turnScheduled = false;
      if (this.#state === "running") this.#turn();
      else this.#dropEvents();
    });
  }

  #turn(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#step(event);
    this.#reads.begin();
    this.#drain();
    this.#propose();
    this.#drain();
    this.#writer.kick();
  }

  #step(event: Event): void {
    switch (event.kind) {
      case "tick":
        this.#tick(event.elapsed);
        return;
      case "messages":
        for (const message of event.messages) this.#core.step(message);
        if (event.receipt === undefined) return;
        event.receipt.stepped();
        this.#receipts.push(event.receipt);
        return;
      case "durable":
        this.#diskFull = false;
        for (const ticket of event.tickets) this.#core.appendDone(ticket);
        this.#send(
          event.tickets
            .flatMap((ticket) => ticket.afterDurable)
            .filter(({ to }) => to !== this.#options.self),
        );
        return;
      default:
        event satisfies never;
    }
  }

  /** A late tick counts once on a follower, which must not campaign because it was itself held up, and in full against a leader's lease. */
  #tick(elapsed: number): void {
    const { clock, config } = this.#options;
    const ticks = this.#role === "leader" ? Math.min(elapsed, 2 * config.electionTicks) : 1;
    for (let tick = 0; tick < ticks; tick++) this.#core.tick();
    const now = clock.now();
    this.#stalled = this.#writer.stalledMs(now) > config.electionTicks * config.tickMs;
    this.#appends.expire(now);
    this.#seqWaiters.expire(now);
    this.#ticks += 1;
    if (this.#ticks % READ_RETRY_TICKS === 0) this.#reads.retry(now);
  }

  /**
   * Forms batches from what waits. While a flush is in the air requests gather, unless they fill a batch: so batches grow with load and an
   * idle system waits for nobody.
   */
  #propose(): void {
    const { batch } = this.#options.config;
    while (this.#accepting && this.#appends.waitingRecords > 0) {
      const full =
        this.#appends.waitingRecords >= batch.maxRecords ||
        this.#appends.waitingBytes >= batch.maxBytes;
      if (this.#writer.busy && !full) return;
      const formed = this.#appends.form(batch.maxRecords, batch.maxBytes);
      if (formed === undefined || !this.#proposeBatch(formed)) return;
    }
  }

  /** False when the core declines for now; the requests stay where they are. */
  #proposeBatch(formed: FormedBatch): boolean {
    const firstSeq = this.#nextSeq;
    const recordedAt = Math.max(this.#options.clock.wallTime(), this.#lastRecordedAt);
    const header = {
      firstSeq,
      count: formed.records.length,
      recordedAt,
      requests: formed.requests,
    };
    const outcome = this.#core.propose([
      { kind: "records", data: encodeBatch(header, formed.records) },
    ]);
    if (outcome.kind !== "accepted") return false;
    this.#lastRecordedAt = recordedAt;
    this.#nextSeq = asSeq(firstSeq + formed.records.length);
    this.#appends.proposedAt(outcome.firstIndex, this.#core.term, firstSeq, formed);
    return true;
  }

  #drain(): void {
    while (this.#core.hasReady()) this.#handle(this.#core.takeReady());
    // Nothing to write came of these messages: what they brought is done with.
    this.#letGo();
  }

  #letGo(): void {
    for (const receipt of this.#receipts.splice(0)) receipt.durable();
  }

  #handle(ready: Ready): void {
    for (const trace of ready.traces) this.#options.events.onTrace(trace);
    if (ready.soft !== undefined) this.#roleChanged(ready.soft.role, ready.soft.leader);
    this.#send(ready.messages);
    if (ready.append !== undefined) {
      invariant(
        ready.append.snapshot === undefined,
        "a log that is never compacted is never sent as a snapshot",
      );
      this.#writer.enqueue(ready.append, this.#receipts.splice(0));
    }
    if (ready.apply.length > 0) this.#apply(ready.apply);
    this.#reads.confirmed(ready.reads);
    this.#reads.release(this.#applied.index);
  }

  #roleChanged(role: Role, leader: MemberId): void {
    const ledBefore = this.#role === "leader";
    this.#role = role;
    this.#leader = leader;
    if (ledBefore && role !== "leader") {
      this.#accepting = false;
      this.#producers.forgetReserved();
      this.#appends.rejectAll(() => notLeader(leader), "the leader stepped down");
      for (const command of this.#commands.values())
        command.reject(outcomeUnknown("the leader stepped down"));
      this.#commands.clear();
    }
    this.#options.events.onRole(role, leader, this.#core.term);
  }

  #send(messages: readonly Message[]): void {
    // A replica whose disk hangs must not look alive: silence lets the others elect a leader that can write.
    if (this.#stalled || messages.length === 0) return;
    for (const [to, list] of byMember(messages)) this.#options.transport.send(to, list);
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) this.#applyOne(entry);
    const last = entries.at(-1);
    invariant(last !== undefined, "nothing to apply");
    this.#applied.applied(last.index);
    this.#core.applyDone(last.index);
    this.#seqWaiters.applied(this.#appliedSeq);
    if (!this.#accepting && this.#role === "leader" && last.term === this.#core.term) {
      this.#accepting = true;
      this.#nextSeq = asSeq(this.#appliedSeq + 1);
    }
  }

  #applyOne(entry: Entry): void {
    switch (entry.kind) {
      case "records": {
        const header = decodeBatchHeader(entry.data);
        invariant(
          header.firstSeq === this.#appliedSeq + 1,
          `entry ${entry.index} starts at seq ${header.firstSeq}, the log ends at ${this.#appliedSeq}`,
        );
        this.#appliedSeq = asSeq(header.firstSeq + header.count - 1);
        this.#lastRecordedAt = Math.max(this.#lastRecordedAt, header.recordedAt);
        this.#producers.apply(entry.index, header);
        break;
      }
      case "membership":
        this.#applied.membershipChanged(
          this.#core.applyMembership(decodeMembershipChange(entry.data)),
        );
        break;
      case "command":
        this.#options.events.onCommand(entry.index, entry.data);
        break;
      case "noop":
        break;
      default:
        entry.kind satisfies never;
    }
    this.#appends.applied(entry.index, entry.term, () => notLeader(this.#leader));
    this.#settleCommand(entry);
  }

  #settleCommand(entry: Entry): void {
    const command = this.#commands.get(entry.index);
    if (command === undefined) return;
    this.#commands.delete(entry.index);
    if (command.term === entry.term) command.resolve(entry.index);
    else command.reject(notLeader(this.#leader));
  }

  #onStorageError(error: AnnalsError): void {
    if (error.code === "ERR_DISK_FULL") {
      this.#diskFull = true;
      this.transferLeadership();
      return;
    }
    this.#state = "failed";
    this.#appends.rejectAll(() => error, "storage failed");
    this.#rejectWaiters(() => error);
    this.#dropEvents();
    this.#options.events.onFailed(error);
  }
}

function pendingAppend(
  request: AppendRequest,
  alreadyIn: { firstSeq: Seq; lastSeq: Seq; count: number } | undefined,
  waiter: PendingAppend["waiters"][number],
): PendingAppend {
  const { records, stamp } = request;
  const done = alreadyIn?.count ?? 0;
  return {
    records,
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

function byMember(messages: readonly Message[]): ReadonlyMap<MemberId, readonly Message[]> {
  const groups = new Map<MemberId, Message[]>();
  for (const message of messages) {
    const group = groups.get(message.to);
    if (group === undefined) groups.set(message.to, [message]);
    else group.push(message);
  }
  return groups;
}

/** The voter that would lose least time as leader. */
function furthestFollower(status: RaftStatus, self: MemberId): MemberId | undefined {
  return status.progress
    .filter(({ member, isLearner, recentActive }) => member !== self && !isLearner && recentActive)
    .toSorted((a, b) => b.matchIndex - a.matchIndex)[0]?.member;
}

/** Seq and time of the last record at or below the applied index. Looks back over the few entries that carry no records. */
function lastRecordsHeader(store: LogStore): { seq: Seq; recordedAt: number } {
  for (
    let index: number = store.appliedIndex();
    index >= store.firstIndex() && index > 0;
    index--
  ) {
    const stored = store.storedEntry(index as LogIndex);
    if (stored?.entry.kind !== "records") continue;
    const { firstSeq, count, recordedAt } = decodeBatchHeader(stored.entry.data);
    return { seq: asSeq(firstSeq + count - 1), recordedAt };
  }
  return { seq: asSeq(0), recordedAt: 0 };
}
