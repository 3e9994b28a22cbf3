import type { RaftConfig } from "./config.ts";
import type { LogReader } from "./logReader.ts";
import type { HistoryPoint, Message } from "./message.ts";
import type { Emptied } from "./emptied.ts";
import { RaftLog } from "./raftLog.ts";
import { ReadOnly, type ReadRequest } from "./readOnly.ts";
import type { Recovery } from "./recovery.ts";
import type { ReadState, Role } from "./ready.ts";
import type { Trace } from "./trace.ts";
import { TraceBuffer } from "./traceBuffer.ts";
import { Tracker } from "./tracker.ts";
import {
  asIndex,
  asTerm,
  type HardState,
  type LogIndex,
  type MemberId,
  NOBODY,
  type Term,
} from "./types.ts";

/**
 * The state of one member, shared by the modules that hold the rules: one module a role and one a subject. Nothing outside this package
 * sees it. Whoever changes term, role or leader goes through `roles.ts`.
 */
export class Raft {
  readonly id: MemberId;
  readonly config: RaftConfig;
  readonly log: RaftLog;
  readonly tracker: Tracker;
  readonly readOnly: ReadOnly = new ReadOnly();
  readonly #traces = new TraceBuffer();

  term: Term = asTerm(0);
  votedFor: MemberId = NOBODY;
  role: Role = "follower";
  leader: MemberId = NOBODY;

  /** What others remember of this member, where it has asked. */
  recovery: Recovery | undefined;
  /** Set until the log holds what was kept, where this member's own copy was given up for another one. */
  emptied: Emptied | undefined;

  /** May leave at once. Never addressed to this member. */
  messages: Message[] = [];
  /** Acks and votes: may leave when everything that is unstable now is durable. May be addressed to this member. */
  afterDurable: Message[] = [];
  reads: ReadState[] = [];
  /** A read joined: the next drain sends one round of heartbeats for all that joined since the last. */
  readRoundDue = false;
  /** Reads that came before this leader committed an entry of its own term: its commit index may still be old (thesis §6.4). */
  pendingReads: ReadRequest[] = [];

  /** Ticks since the leader was heard from or the election began; on a leader, since its last quorum check. */
  electionElapsed = 0;
  /** Election timeouts that have passed without a leader while this member stood back. */
  electionsPassed = 0;
  /** Ticks since this leader's last heartbeat. */
  heartbeatElapsed = 0;
  /** Drawn anew from [electionTicks, 2 × electionTicks) with every change of role. */
  electionTimeout = 0;

  /** Whom leadership is being transferred to; no proposals are taken meanwhile. */
  transferee: MemberId = NOBODY;
  /** Ticks since the latest transfer began. */
  transferElapsed = 0;
  /** At or above the index of the newest membership entry that may not be applied: until it is, no other change is proposed. */
  pendingChangeIndex: LogIndex = asIndex(0);
  /** Payload proposed here and not yet applied: an underestimate for what an earlier leader left, never an overestimate. */
  uncommittedBytes = 0;

  constructor(config: RaftConfig, storage: LogReader) {
    this.id = config.id;
    this.config = config;
    this.log = new RaftLog(storage, this.#traces, config.maxCommittedBytes, config.chain);
    this.tracker = new Tracker(config.maxInflightMessages, config.maxInflightBytes);
  }

  trace(trace: Trace): void {
    this.#traces.emit(trace);
  }

  drainTraces(): readonly Trace[] {
    return this.#traces.drain();
  }

  hardState(): HardState {
    return { term: this.term, votedFor: this.votedFor, commitIndex: this.log.committed };
  }

  /** What is known to be committed here, with its hash; undefined without a chain. */
  committedPoint(): HistoryPoint | undefined {
    const { committed: index } = this.log;
    const hash = this.log.hash(index);
    return hash && { index, hash };
  }

  /** Messages that tell another member what it may not rely on before this member's disk does go through `sendAfterDurable`. */
  send(message: Message): void {
    this.messages.push(message);
  }

  sendAfterDurable(message: Message): void {
    this.afterDurable.push(message);
  }

  /** Acknowledges the log up to `index` to a leader, itself included, once it is durable. */
  acknowledge(to: MemberId, index: LogIndex): void {
    this.sendAfterDurable({
      kind: "appendEntriesResponse",
      from: this.id,
      to,
      term: this.term,
      index,
      rejected: false,
      hintIndex: asIndex(0),
      hintTerm: asTerm(0),
    });
  }

  /** Whether this member may stand for election: a voter, not about to replace its log, and with a log that it may elect. */
  promotable(): boolean {
    const own = this.tracker.get(this.id);
    if (own === undefined || own.learner || this.log.unstable.snapshot !== undefined) return false;
    if (this.emptied !== undefined) return false;
    return this.recovery?.elects(this.log.lastId(), asTerm(this.term + 1)) ?? true;
  }

  /** Whether an entry of the present term is committed: only then is a leader's commit index known to be current. */
  committedInTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }
}
