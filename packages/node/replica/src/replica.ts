import { invariant, NOBODY } from "@annals/raft";
import type {
  Entry,
  LogIndex,
  MemberId,
  MembershipChange,
  Message,
  RaftCore,
  Ready,
  Role,
} from "@annals/raft";
import type { AnnalsError, Seq } from "@annals/record";
import type { Appender } from "./appender.ts";
import type { AppendResult } from "./appendQueue.ts";
import { assertBlobsHere } from "./blobs.ts";
import type { GroupDesk } from "./groupDesk.ts";
import {
  isRefusal,
  logDiverged,
  notLeader,
  outcomeUnknown,
  replicaBroken,
  replicaClosed,
} from "./errors.ts";
import type { HistoryGuard } from "./historyGuard.ts";
import { replicaParts } from "./replicaParts.ts";
import type { AppendRequest, ReplicaOptions, ReplicaStatus } from "./options.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import type { PeerDoor } from "./peerMessages.ts";
import { PendingCommands } from "./pendingCommands.ts";
import type { Receipt } from "./ports.ts";
import type { ProducerTable } from "./producers.ts";
import type { ReadBarrier } from "./readBarrier.ts";
import { SeqWaiters } from "./seqWaiters.ts";
import type { Steering } from "./steering.ts";
import type { StateMachine } from "./stateMachine.ts";
import { holdVoteRequests } from "./voteRequests.ts";
import type { TurnEvent } from "./turnEvent.ts";
import type { ReplicaGauges } from "./replicaGauges.ts";
import type { Writer } from "./writer.ts";

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
  readonly #gauges: ReplicaGauges;
  readonly #appender: Appender;
  readonly #machine: StateMachine;
  readonly #reads: ReadBarrier;
  /** Cursors of consumers; on the leader. */
  readonly groups: GroupDesk;
  readonly #seqWaiters = new SeqWaiters();
  readonly #commands = new PendingCommands();
  readonly #outbox = new Outbox();
  readonly #inbox = new Inbox();
  readonly #door: PeerDoor;
  readonly #history: HistoryGuard;
  readonly #steering: Steering;
  #turnScheduled = false;
  #state: "running" | "diverged" | "closing" | "failed" = "running";
  #role: Role = "follower";
  #leader: MemberId = NOBODY;
  #stalled = false;
  readonly #stopped = () => (this.#state === "diverged" ? logDiverged() : replicaClosed());
  #ticks = 0;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    const parts = replicaParts(options, {
      leader: () => this.#leader,
      command: (data) => this.command(data),
      onDurable: (tickets) => this.#enqueue({ kind: "durable", tickets }),
      onStorageError: (error) => this.#onStorageError(error),
      onDiverged: () => this.#standStill(),
      onBroken: (error) => this.#fail(replicaBroken(error)),
    });
    this.#core = parts.core;
    this.#machine = parts.machine;
    this.#gauges = parts.gauges;
    this.#appender = parts.appender;
    this.#writer = parts.writer;
    this.#reads = parts.reads;
    this.#history = parts.history;
    this.#door = parts.door;
    this.#steering = parts.steering;
    this.groups = parts.groups;
    if (this.#history.proven !== undefined) this.#standStill();
    this.#schedule();
  }

  /** `elapsed` whole ticks have passed since the last call; more than one if the thread was held up. */
  tick(elapsed: number): void {
    this.#enqueue({ kind: "tick", elapsed });
  }

  /** Messages from a peer, in order; small ones have no receipt. `sender` is at the other end of the link, where that is known. */
  receive(messages: readonly Message[], receipt?: Receipt, sender?: MemberId): void {
    this.#enqueue({ kind: "messages", messages, receipt, sender });
  }

  /**
   * Appends records; resolves when all of them are committed and applied. Rejects with ERR_NOT_LEADER, ERR_OVERLOADED, ERR_DISK_FULL,
   * ERR_REPLICA_CLOSED, ERR_BLOB_MISSING or an ERR_PRODUCER_… code when nothing was accepted, and with ERR_OUTCOME_UNKNOWN when it may be.
   */
  append(request: AppendRequest): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#options.clock.now() + request.timeoutMs;
      this.#appender.take(request, { resolve, reject, deadlineMs }, () => {
        this.#assertAccepting();
        assertBlobsHere(request, this.#options.blobs);
      });
      this.#schedule();
    });
  }

  #assertAccepting(): void {
    if (this.#state !== "running") throw this.#stopped();
    this.#appender.assertOpen(this.#leader);
    if (this.#writer.refusal !== undefined) throw this.#writer.refusal;
  }

  /** Proposes a command entry; resolves with its index when it is applied here. */
  command(data: Uint8Array): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      this.#assertAccepting();
      const outcome = this.#guarded(() => this.#core.propose([{ kind: "command", data }]));
      if (outcome === undefined) throw outcomeUnknown("the replica failed");
      if (outcome.kind !== "accepted") throw notLeader(this.#leader);
      this.#commands.add(outcome.firstIndex, { term: this.#core.term, resolve, reject });
      this.#schedule();
    });
  }

  /** Resolves once this replica has applied all that was committed anywhere when it was called. Rejects with ERR_NO_QUORUM. */
  readBarrier(timeoutMs: number): Promise<void> {
    if (this.#state !== "running") return Promise.reject(this.#stopped());
    this.#schedule();
    return this.#reads.add(this.#options.clock.now(), timeoutMs);
  }

  /** Resolves when `seq` is applied here, the time is over or the replica closes: look again. */
  waitForSeq(seq: Seq, timeoutMs: number): Promise<void> {
    const reads = this.#state === "running" || this.#state === "diverged";
    if (!reads || seq <= this.appliedSeq) return Promise.resolve();
    return this.#seqWaiters.wait(seq, this.#options.clock.now() + timeoutMs);
  }

  /** Hands leadership to `to`, or to the follower that is furthest; returns whom, or undefined if there is nobody or it does not lead. */
  transferLeadership(to?: MemberId): MemberId | undefined {
    if (this.#state !== "running") return undefined;
    const target = this.#guarded(() => this.#steering.transferLeadership(to));
    this.#schedule();
    return target;
  }

  /** Proposes a membership change, unless one is still under way. What becomes of it shows in the status. */
  proposeMembership(change: MembershipChange): void {
    this.#guarded(() => this.#steering.proposeMembership(change));
    this.#schedule();
  }

  /** Stands for election now if no leader is known and the own clock is right, instead of waiting for the timeout. */
  campaign(): void {
    const mayStand = this.#state === "running" && this.#writer.refusal === undefined;
    const needed = this.#leader === NOBODY && !this.#steering.standsBack;
    if (mayStand && needed) this.#guarded(() => this.#core.campaign());
    this.#schedule();
  }

  /** Seq of the last record that may be read here. */
  get appliedSeq(): Seq {
    return this.#machine.appliedSeq;
  }

  get role(): Role {
    return this.#role;
  }

  get leader(): MemberId {
    return this.#leader;
  }

  get producers(): Pick<ProducerTable, "get" | "nextEpoch"> {
    return this.#machine.producers;
  }

  status(): ReplicaStatus {
    return {
      raft: this.#core.status(),
      appliedSeq: this.appliedSeq,
      pendingBytes: this.#appender.readGauge(),
      headHash: this.#options.store.headHash(),
      diskBytes: this.#options.store.diskBytes(),
      stalled: this.#stalled,
      diskFull: this.#writer.refusal !== undefined,
      diverged: this.#history.saved,
      producers: this.#machine.producers.size,
      flushes: this.#writer.flushes,
      refusedMessages: this.#door.refused,
      ...this.#steering.clockStatus(this.#appender.lastRecordedAt),
    };
  }

  /** A peer cannot be reached: replication to it goes back to probing. For one that is gone as a leader nobody waits: others get votes. */
  reportUnreachable(member: MemberId, gone = false): void {
    if (this.#state !== "running") return;
    this.#guarded(() => this.#core.reportUnreachable(member));
    if (gone && this.#leader === member) this.#core.forgetLeader();
    this.#schedule();
  }

  /** Ends everything that waits, writes what is derived, closes the store; rejects if that write fails, and closes even so. Idempotent. */
  async close(): Promise<void> {
    try {
      if (this.#state === "running") {
        this.#state = "closing";
        this.#appender.end(replicaClosed, "the replica was closed");
        this.#rejectWaiters(replicaClosed);
        await this.#writer.flushRest();
      }
    } finally {
      this.#inbox.drop();
      await this.#options.store.close();
    }
  }

  #rejectWaiters(error: () => AnnalsError, why = "the replica was closed"): void {
    this.#commands.rejectAll(() => outcomeUnknown(why));
    this.groups.end(error);
    this.#reads.rejectAll(error);
    this.#seqWaiters.close();
  }

  #enqueue(event: TurnEvent): void {
    this.#inbox.add(event);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#options.clock.defer(() => {
      this.#turnScheduled = false;
      if (this.#state === "running") this.#guarded(() => this.#turn());
      else this.#drop();
    });
  }

  /** A replica that stands still tells leaders what is committed here, and lets readers go whose time is over. */
  #drop(): void {
    const events = this.#inbox.drop();
    if (this.#state !== "diverged") return;
    this.#seqWaiters.expire(this.#options.clock.now());
    for (const event of events) if (event.kind === "messages") this.#history.answer(event.messages);
  }

  /** From now on this replica acknowledges nothing, gives no vote, asks for none, and changes nothing of its copy. */
  #standStill(): void {
    if (this.#state !== "running") return;
    this.#state = "diverged";
    this.#appender.end(logDiverged, "its log has diverged");
    this.#rejectWaiters(logDiverged, "its log has diverged");
    this.#writer.drop();
    this.#core.withdraw();
    this.#roleChanged("follower", NOBODY);
    this.#drop();
  }

  /** A damaged entry or a broken invariant ends the replica: a stopped one is an incident, a wrong one a forged log. */
  #guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      this.#fail(replicaBroken(error));
      return undefined;
    }
  }

  #turn(): void {
    for (const event of this.#inbox.take()) this.#step(event);
    this.#reads.begin();
    this.#drain();
    this.#appender.propose(this.#writer.busy);
    this.#drain();
    this.#send();
    this.#writer.kick();
  }

  #step(event: TurnEvent): void {
    switch (event.kind) {
      case "tick":
        this.#tick(event.elapsed);
        return;
      case "messages":
        for (const message of event.messages) this.#door.step(message, event.sender);
        this.#inbox.stepped(event.receipt);
        return;
      case "durable":
        for (const ticket of event.tickets) this.#core.appendDone(ticket);
        for (const { afterDurable } of event.tickets)
          this.#outbox.add(afterDurable.filter(({ to }) => to !== this.#options.self));
        return;
      default:
        event satisfies never;
    }
  }

  /** A late tick counts once on a follower, which must not campaign because it was held up, and in full against a leader's lease. */
  #tick(elapsed: number): void {
    const { clock, config } = this.#options;
    const leads = this.#role === "leader";
    const others = this.#writer.refusal === undefined ? 1 : 0;
    const ticks = leads ? Math.min(elapsed, 2 * config.electionTicks) : others;
    for (let tick = 0; tick < ticks; tick++) this.#core.tick();
    const now = clock.now();
    this.#writer.tick();
    this.#stalled = this.#writer.stalledMs(now) > config.electionTicks * config.tickMs;
    this.#appender.expire(now);
    if (this.#appender.accepting) this.groups.tick();
    this.#steering.handOverForClock(now);
    this.#seqWaiters.expire(now);
    if (++this.#ticks % READ_RETRY_TICKS === 0) this.#reads.retry(now);
  }

  #drain(): void {
    while (this.#core.hasReady()) this.#handle(holdVoteRequests(this.#core.takeReady()));
    this.#inbox.letGo();
  }

  #handle(ready: Ready): void {
    for (const trace of ready.traces) this.#options.events.onTrace(trace);
    if (ready.soft !== undefined) this.#roleChanged(ready.soft.role, ready.soft.leader);
    this.#outbox.add(ready.messages);
    if (ready.append !== undefined) {
      invariant(ready.append.snapshot === undefined, "a log is never replaced by a snapshot");
      this.#writer.enqueue(ready.append, this.#inbox.handOver());
    }
    if (ready.apply.length > 0) this.#apply(ready.apply);
    this.#reads.confirmed(ready.reads);
    this.#reads.release(this.#machine.appliedIndex);
  }

  #roleChanged(role: Role, leader: MemberId): void {
    const { role: before } = this;
    [this.#role, this.#leader] = [role, leader];
    if (before === "leader" && role !== "leader") {
      this.#appender.stepDown(() => notLeader(leader));
      this.#commands.rejectAll(() => outcomeUnknown("the leader stepped down"));
      this.groups.end(() => notLeader(leader));
    }
    this.#options.events.onRole(role, leader, this.#core.term);
  }

  #send(): void {
    const frames = this.#outbox.take();
    // A replica whose disk hangs must not look alive: silence lets the others elect a leader that can write.
    if (this.#stalled) return;
    for (const [to, messages] of frames) this.#options.transport.send(to, messages);
  }

  #apply(entries: readonly Entry[]): void {
    this.#gauges.applying(entries);
    this.#gauges.groups(this.#machine.groups.size);
    const lost = () => notLeader(this.#leader);
    for (const entry of entries) {
      this.#machine.apply(entry);
      this.#appender.applied(entry.index, entry.term, lost);
      this.#commands.applied(entry.index, entry.term, lost);
      const ownTerm = this.#role === "leader" && entry.term === this.#core.term;
      if (ownTerm && !this.#appender.accepting) {
        this.#appender.begin();
        this.#options.events.onTakesRequests?.(entry.term);
      }
    }
    this.#core.applyDone(this.#machine.appliedIndex);
    this.#seqWaiters.applied(this.appliedSeq);
  }

  #onStorageError(error: AnnalsError): void {
    if (isRefusal(error)) this.transferLeadership();
    else this.#fail(error);
  }

  #fail(error: AnnalsError): void {
    this.#state = "failed";
    this.#appender.end(replicaClosed, "storage failed");
    this.#rejectWaiters(replicaClosed);
    this.#inbox.drop();
    this.#options.events.onFailed(error);
  }
}
