import { checkConfig } from "./checkConfig.ts";
import type { RaftConfig } from "./config.ts";
import { maybeCampaign } from "./election.ts";
import { invariant } from "./invariant.ts";
import { reportSnapshot, reportUnreachable } from "./leader.ts";
import { disputedIndex } from "./judge.ts";
import type { LogReader } from "./logReader.ts";
import { encodeMembershipChange } from "./membershipCodec.ts";
import type { Message } from "./message.ts";
import {
  type ForgetOutcome,
  OK,
  type ProposeOutcome,
  type ReadOutcome,
  type StepOutcome,
} from "./outcome.ts";
import { type Proposal, propose } from "./proposal.ts";
import { Raft } from "./raft.ts";
import { readIndex } from "./reading.ts";
import type { AppendTicket, Ready, Role } from "./ready.ts";
import { beginRecovery, fill } from "./recovering.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import { type RaftStatus, statusOf } from "./status.ts";
import { step, stepPeer } from "./step.ts";
import { appliedTo, applyChange, installMembership } from "./switching.ts";
import { tick } from "./tick.ts";
import type { Trace } from "./trace.ts";
import { requestTransfer } from "./transfer.ts";
import {
  asIndex,
  type HardState,
  type LogIndex,
  type MemberId,
  type MembershipChange,
  type MembershipState,
  NOBODY,
  type Term,
} from "./types.ts";

/**
 * One member of one Raft group, as a deterministic state machine: inputs change it, `takeReady` hands out what is to be done, `appendDone`
 * and `applyDone` say what has been. It does no I/O, knows no time but `tick`, and no randomness but `RaftConfig.randomBelow`.
 *
 * Inputs never throw on what a peer sends; see `StepOutcome`. They throw `InvariantError` when going on could forge the log: a bug, or a
 * log that lost what it had acknowledged. Then the replica must stop.
 */
export class RaftCore {
  /** For `ProbedRaftCore` only. */
  protected readonly raft: Raft;
  /** Whether committed entries are handed out for applying before this member's own disk has them. */
  protected applyUnstable = false;
  #soft: { readonly role: Role; readonly leader: MemberId };
  #hardState: HardState;
  #ticketsMade = 0;
  #ticketsDone = 0;

  /** Reads hard state and membership from `log`; entries above `config.applied` will be handed out for applying. */
  constructor(config: RaftConfig, log: LogReader) {
    checkConfig(config);
    const raft = new Raft(config, log);
    this.raft = raft;
    const { hardState, membership } = log.initialState();
    installMembership(raft, membership);
    raft.term = hardState.term;
    raft.votedFor = hardState.votedFor;
    raft.log.restoreCommit(hardState.commitIndex, asIndex(config.applied));
    becomeFollower(raft, raft.term, NOBODY);
    const last = raft.log.lastId();
    raft.trace({
      kind: "started",
      voters: raft.tracker.voters,
      term: raft.term,
      commitIndex: raft.log.committed,
      applied: raft.log.applied,
      lastIndex: last.index,
      lastTerm: last.term,
    });
    if (config.recovers === true) beginRecovery(raft);
    this.#soft = { role: raft.role, leader: raft.leader };
    this.#hardState = raft.hardState();
  }

  get term(): Term {
    return this.raft.term;
  }

  get role(): Role {
    return this.raft.role;
  }

  /** 0 if none is known. */
  get leader(): MemberId {
    return this.raft.leader;
  }

  /** Payload bytes proposed here that count against `maxUncommittedBytes`. */
  get uncommittedBytes(): number {
    return this.raft.uncommittedBytes;
  }

  get commitIndex(): LogIndex {
    return this.raft.log.committed;
  }

  /** One tick of time passed. Ticks that were missed because this process stalled are not made up for on a follower. */
  tick(): void {
    tick(this.raft);
  }

  /** A message from a peer. Duplicates, reordering and loss are fine; what is refused changed nothing. */
  step(message: Message): StepOutcome {
    return stepPeer(this.raft, message);
  }

  /** Where the history that a refused message tells of differs from the one here. */
  disputedIndex(message: Message): LogIndex | undefined {
    return disputedIndex(this.raft, message);
  }

  /** The term and the chain hash of the entry at `index`; undefined where there is none, or no chain. */
  historyAt(index: LogIndex): { readonly term: Term; readonly hash: Uint8Array } | undefined {
    const term = this.raft.log.term(index);
    const hash = this.raft.log.hash(index);
    return term === undefined || hash === undefined ? undefined : { term, hash };
  }

  /** Leads and follows nobody any more, in the same term: for a replica that stands still from now on. */
  withdraw(): void {
    becomeFollower(this.raft, this.raft.term, NOBODY);
  }

  /** Stands for election now, whatever the timeout says. Declines silently if it leads already or must not stand. */
  campaign(): void {
    maybeCampaign(this.raft, this.raft.config.preVote ? "preElection" : "election");
  }

  /** A follower stops believing in its leader, so that it may vote; the term stays, and the next heartbeat brings the leader back. */
  forgetLeader(): ForgetOutcome {
    const { raft } = this;
    if (raft.role !== "follower") return OK;
    if (raft.config.readOnly === "lease") {
      raft.trace({ kind: "forgetLeaderRefused" });
      return { kind: "refused", reason: "leaseReads" };
    }
    if (raft.leader !== NOBODY) {
      raft.trace({ kind: "leaderForgotten", leader: raft.leader, term: raft.term });
      raft.leader = NOBODY;
    }
    return OK;
  }

  /** Hands leadership to a voter; asks the leader for it if this is a follower. Given up after one election timeout. */
  transferLeadership(to: MemberId): void {
    requestTransfer(this.raft, this.raft.id, to);
  }

  /** Appends entries as one, or passes them on. The data must not be written to from now on. */
  propose(entries: readonly Proposal[]): ProposeOutcome {
    return propose(this.raft, this.raft.id, entries);
  }

  /** Throws `MembershipCodecError` if the change cannot be said in its format. */
  proposeMembership(change: MembershipChange): ProposeOutcome {
    return this.propose([{ kind: "membership", data: encodeMembershipChange(change) }]);
  }

  /** Asks for an index that makes a read linearizable once it is applied. `context` comes back; use each one once. */
  readIndex(context: number): ReadOutcome {
    return readIndex(this.raft, this.raft.id, context);
  }

  /**
   * Puts a change in force. Called for every `membership` entry, in order, between taking it from `Ready.apply` and `applyDone`; what it
   * returns is stored with the applied index.
   */
  applyMembership(change: MembershipChange): MembershipState {
    return applyChange(this.raft, change);
  }

  /** Whether `takeReady` would hand out anything but traces. */
  hasReady(): boolean {
    const { raft } = this;
    return (
      raft.messages.length > 0 ||
      raft.afterDurable.length > 0 ||
      raft.readRoundDue ||
      raft.reads.length > 0 ||
      raft.log.unstable.hasNextEntries() ||
      raft.log.unstable.nextSnapshot() !== undefined ||
      raft.log.hasNextCommitted(this.applyUnstable) ||
      raft.role !== this.#soft.role ||
      raft.leader !== this.#soft.leader ||
      this.#hardStateChanged()
    );
  }

  /** Hands out all that has gathered since the last drain; it must be carried out. */
  takeReady(): Ready {
    const { raft } = this;
    if (raft.readRoundDue) broadcastHeartbeat(raft);
    const apply = raft.log.nextCommitted(this.applyUnstable);
    const append = this.#takeTicket();
    raft.log.acceptApplying(apply, this.applyUnstable);
    const { messages, reads } = raft;
    raft.messages = [];
    raft.reads = [];
    return {
      soft: this.#takeSoft(),
      messages,
      append,
      apply,
      reads,
      traces: raft.drainTraces(),
    };
  }

  /** Traces since the last drain, without draining anything else. */
  takeTraces(): readonly Trace[] {
    return this.raft.drainTraces();
  }

  /**
   * The write is durable, and so are all earlier ones. Call this for every ticket, in order, then send its `afterDurable` to the others;
   * those to this member are handled here.
   */
  appendDone(ticket: AppendTicket): void {
    this.#ticketsDone += 1;
    invariant(
      ticket.number === this.#ticketsDone,
      `ticket ${ticket.number} is done, ticket ${this.#ticketsDone} was expected`,
    );
    for (const message of ticket.afterDurable) {
      if (message.to === this.raft.id) step(this.raft, message);
    }
    this.completeTicket(ticket);
  }

  /** Everything up to `lastApplied` is applied. */
  applyDone(lastApplied: LogIndex): void {
    appliedTo(this.raft, lastApplied);
  }

  /** Messages to a member were lost, such as when its link closed. */
  reportUnreachable(member: MemberId): void {
    reportUnreachable(this.raft, member);
  }

  /** What became of the snapshot for a member. Must be said some time for every one that was sent, or the member is never sent to again. */
  reportSnapshot(member: MemberId, ok: boolean): void {
    reportSnapshot(this.raft, member, ok);
  }

  status(): RaftStatus {
    return statusOf(this.raft);
  }

  /** What a done write says of the log, apart from its messages. */
  protected completeTicket(ticket: AppendTicket): void {
    const { raft } = this;
    if (ticket.lastEntry !== undefined) {
      if (ticket.term < raft.term) {
        // Under a later term, a write that is still under way may replace these very indexes: only its own ticket can vouch for them.
        raft.trace({ kind: "staleAppendDone", ticketTerm: ticket.term, term: raft.term });
      } else {
        raft.log.stableTo(ticket.lastEntry);
        fill(raft);
      }
    }
    if (ticket.snapshot !== undefined) {
      // Holds in any term: what a snapshot covers is committed.
      raft.log.unstable.snapshotStableTo(ticket.snapshot.lastIncludedIndex);
      appliedTo(raft, ticket.snapshot.lastIncludedIndex);
    }
  }

  #takeSoft(): Ready["soft"] {
    const { role, leader } = this.raft;
    if (role === this.#soft.role && leader === this.#soft.leader) return undefined;
    this.#soft = { role, leader };
    return this.#soft;
  }

  #hardStateChanged(): boolean {
    const { raft } = this;
    const last = this.#hardState;
    return (
      raft.log.committed !== last.commitIndex ||
      raft.term !== last.term ||
      raft.votedFor !== last.votedFor
    );
  }

  #takeTicket(): AppendTicket | undefined {
    const { raft } = this;
    const { unstable } = raft.log;
    const entries = unstable.nextEntries();
    const snapshot = unstable.nextSnapshot();
    const changed = this.#hardStateChanged();
    const afterDurable = raft.afterDurable;
    if (entries.length === 0 && snapshot === undefined && !changed && afterDurable.length === 0) {
      return undefined;
    }
    const before = this.#hardState;
    if (changed) this.#hardState = raft.hardState();
    raft.afterDurable = [];
    const ticket: AppendTicket = {
      number: (this.#ticketsMade += 1),
      hardState: changed ? this.#hardState : undefined,
      entries,
      snapshot,
      mustSync:
        entries.length > 0 ||
        snapshot !== undefined ||
        raft.term !== before.term ||
        raft.votedFor !== before.votedFor,
      afterDurable,
      term: raft.term,
      // The end of the whole log, not of `entries`: a ticket that was disowned by a term change is vouched for by the next one.
      lastEntry: unstable.count > 0 ? raft.log.lastId() : undefined,
    };
    unstable.accept();
    return ticket;
  }
}
