import { Inflights } from "./inflights.ts";
import { asIndex, asTerm, type LogIndex, type MemberId, type Term } from "./types.ts";

/**
 * How a leader talks to a follower. `probe`: one message at a time, to find where the logs agree. `replicate`: a pipeline, within the
 * in-flight window. `snapshot`: nothing but heartbeats until the follower has taken the snapshot or it is reported lost.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** A follower's progress, as a plain copy: for the status and for traces. */
export interface ProgressStatus {
  readonly member: MemberId;
  readonly state: ProgressState;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly learner: boolean;
  /** Nothing is sent until an acknowledgement or a heartbeat response comes. */
  readonly paused: boolean;
  /** Index of the snapshot on its way, 0 for none. */
  readonly pendingSnapshot: LogIndex;
  /** Heard from since the last quorum check. */
  readonly recentActive: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly inflightFull: boolean;
}

/** What a leader knows of one member (Raft Fig. 2, "volatile state on leaders"), itself included. Written by the leader's code only. */
export class Progress {
  readonly member: MemberId;
  readonly inflights: Inflights;
  /**
   * Highest index known to be durable on the member. Falls during one leadership only when the member has lost it.
   * Invariant: matchIndex < nextIndex.
   */
  matchIndex: LogIndex = asIndex(0);
  /** Index of the next entry to send. While replicating it runs ahead of acknowledgements. */
  nextIndex: LogIndex;
  /** Highest commit index sent, so that a member is not told twice. */
  sentCommit: LogIndex = asIndex(0);
  state: ProgressState = "probe";
  pendingSnapshot: LogIndex = asIndex(0);
  recentActive = false;
  appendPaused = false;
  /** The entries of a probe that is on its way: above `from` up to `to`, neither answered nor reported lost. */
  probe: { readonly from: LogIndex; readonly to: LogIndex; readonly bytes: number } | undefined;
  learner = false;
  /** The last term in which the member acknowledged something to this leader, and up to where. Outlives leaderships. */
  acknowledgedTerm: Term = asTerm(0);
  acknowledgedIndex: LogIndex = asIndex(0);

  constructor(member: MemberId, nextIndex: LogIndex, inflights: Inflights) {
    this.member = member;
    this.nextIndex = nextIndex;
    this.inflights = inflights;
  }

  /** As at the beginning of a leadership: nothing known but where to probe first. */
  reset(nextIndex: LogIndex): void {
    this.matchIndex = asIndex(0);
    this.nextIndex = nextIndex;
    this.sentCommit = asIndex(0);
    this.recentActive = false;
    this.#enter("probe");
  }

  /** Probes from the pending snapshot, if that is what was sent last, else from the last known match. */
  becomeProbe(): void {
    const from =
      this.state === "snapshot" ? Math.max(this.matchIndex, this.pendingSnapshot) : this.matchIndex;
    this.#enter("probe");
    this.nextIndex = asIndex(from + 1);
    this.#lowerSentCommit();
  }

  /** With `goesOn` the rest of a probe that is acknowledged in part counts as on its way, and is not sent again. */
  becomeReplicate(goesOn = false): void {
    const { probe } = this;
    this.#enter("replicate");
    this.nextIndex = asIndex(this.matchIndex + 1);
    if (!goesOn || probe === undefined) return;
    if (this.matchIndex <= probe.from || this.matchIndex >= probe.to) return;
    this.nextIndex = asIndex(probe.to + 1);
    this.inflights.add(probe.to, probe.bytes);
    this.appendPaused = this.inflights.full();
  }

  /** A snapshot up to `index` was sent: what it covers counts as sent. */
  becomeSnapshot(index: LogIndex): void {
    this.#enter("snapshot");
    this.pendingSnapshot = index;
    this.nextIndex = asIndex(index + 1);
    this.sentCommit = index;
  }

  /** An AppendEntries with that many entries was sent. A probe pauses; a pipeline runs on until its window is full. */
  sentEntries(count: number, bytes: number): void {
    if (this.state === "replicate") {
      if (count > 0) {
        this.nextIndex = asIndex(this.nextIndex + count);
        this.inflights.add(asIndex(this.nextIndex - 1), bytes);
      }
      // Whatever was sent into a full window counts as its one probe until the next heartbeat response.
      this.appendPaused = this.inflights.full();
    } else if (count > 0) {
      this.appendPaused = true;
      const from = asIndex(this.nextIndex - 1);
      this.probe = { from, to: asIndex(from + count), bytes };
    }
  }

  /** Whether sending `commitIndex` now could move the member's commit index, within what was already sent to it. */
  canBumpCommit(commitIndex: LogIndex): boolean {
    return commitIndex > this.sentCommit && this.sentCommit < this.nextIndex - 1;
  }

  /** The member acknowledged everything up to `index` in the term of this leadership. */
  remember(term: Term, index: LogIndex): void {
    if (term === this.acknowledgedTerm && index <= this.acknowledgedIndex) return;
    this.acknowledgedTerm = term;
    this.acknowledgedIndex = index;
  }

  /** The member has started anew and its log ends at `lastIndex`. False if that is no less than what has matched. */
  restarted(lastIndex: LogIndex): boolean {
    if (lastIndex >= this.matchIndex) return false;
    this.matchIndex = asIndex(0);
    this.#enter("probe");
    this.nextIndex = asIndex(lastIndex + 1);
    this.#lowerSentCommit();
    return true;
  }

  /** The member acknowledged everything up to `index`. False if that was known already. */
  maybeUpdate(index: LogIndex): boolean {
    if (index <= this.matchIndex) return false;
    this.matchIndex = index;
    if (this.nextIndex <= index) this.nextIndex = asIndex(index + 1);
    this.appendPaused = false;
    return true;
  }

  /**
   * The member rejected an append after `rejected` and hinted that the logs may agree at `hint`. False if the rejection is an old one
   * that says nothing new: then nothing changes.
   */
  maybeDecrease(rejected: LogIndex, hint: LogIndex): boolean {
    // What has matched stays matched: a late duplicate, or a member that lost its log. Asking again at once would never end.
    if (rejected <= this.matchIndex) return false;
    if (this.state === "replicate") {
      this.nextIndex = asIndex(this.matchIndex + 1);
      this.#lowerSentCommit();
      return true;
    }
    // Probes go out one at a time, so a genuine rejection can only be about the last one.
    if (this.nextIndex - 1 !== rejected) return false;
    this.nextIndex = asIndex(Math.max(Math.min(rejected, hint + 1), this.matchIndex + 1));
    this.#lowerSentCommit();
    this.appendPaused = false;
    this.probe = undefined;
    return true;
  }

  paused(): boolean {
    return this.state === "snapshot" || this.appendPaused;
  }

  status(): ProgressStatus {
    return {
      member: this.member,
      state: this.state,
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      learner: this.learner,
      paused: this.paused(),
      pendingSnapshot: this.pendingSnapshot,
      recentActive: this.recentActive,
      inflightMessages: this.inflights.count,
      inflightBytes: this.inflights.bytes,
      inflightFull: this.inflights.full(),
    };
  }

  #enter(state: ProgressState): void {
    this.appendPaused = false;
    this.probe = undefined;
    this.pendingSnapshot = asIndex(0);
    this.state = state;
    this.inflights.reset();
  }

  #lowerSentCommit(): void {
    if (this.sentCommit >= this.nextIndex) this.sentCommit = asIndex(this.nextIndex - 1);
  }
}
