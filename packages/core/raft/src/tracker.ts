import { Inflights } from "./inflights.ts";
import { invariant } from "./invariant.ts";
import { allMembers, allVoters, assertMembership, NO_MEMBERS } from "./membership.ts";
import { Progress } from "./progress.ts";
import { committedByMajority, jointVote, type VoteResult } from "./quorum.ts";
import { asIndex, type LogIndex, type MemberId, type MembershipState } from "./types.ts";

/** The membership in force, the progress of every member, and the votes of an election under way. */
export class Tracker {
  readonly #inflightMessagesMax: number;
  readonly #inflightBytesMax: number;
  #membership: MembershipState = NO_MEMBERS;
  /** Ascending by id: whatever is done for every member is done in this order, so that runs are reproducible. */
  #members: readonly Progress[] = [];
  #byId = new Map<MemberId, Progress>();
  #incoming: readonly Progress[] = [];
  #outgoing: readonly Progress[] = [];
  #voters: readonly MemberId[] = [];
  readonly #votes = new Map<MemberId, boolean>();
  /** Reused on every commit decision, so that it allocates nothing. */
  readonly #scratch: number[] = [];

  constructor(inflightMessagesMax: number, inflightBytesMax: number) {
    this.#inflightMessagesMax = inflightMessagesMax;
    this.#inflightBytesMax = inflightBytesMax;
  }

  get membership(): MembershipState {
    return this.#membership;
  }

  /** Ascending by id. */
  get members(): readonly Progress[] {
    return this.#members;
  }

  /** Voters of either half, ascending. */
  get voters(): readonly MemberId[] {
    return this.#voters;
  }

  get(member: MemberId): Progress | undefined {
    return this.#byId.get(member);
  }

  isVoter(member: MemberId): boolean {
    return this.#voters.includes(member);
  }

  /** Only one member has a vote: what it has made durable is committed. */
  isSingleton(): boolean {
    return this.#incoming.length === 1 && this.#outgoing.length === 0;
  }

  /**
   * Puts `membership` in force. Members that stay keep their progress; those in `added`, and those not known yet, are probed from
   * `lastIndex` on, and count as active so that a quorum check does not fail before they could say a word.
   */
  adopt(membership: MembershipState, added: readonly MemberId[], lastIndex: LogIndex): void {
    assertMembership(membership);
    const byId = new Map<MemberId, Progress>();
    for (const id of allMembers(membership)) {
      const kept = added.includes(id) ? undefined : this.#byId.get(id);
      byId.set(id, kept ?? this.#newProgress(id, lastIndex));
    }
    for (const progress of byId.values()) progress.learner = false;
    for (const id of membership.learners) {
      const progress = byId.get(id);
      if (progress !== undefined) progress.learner = true;
    }
    this.#membership = membership;
    this.#byId = byId;
    this.#members = [...byId.values()];
    this.#voters = allVoters(membership);
    this.#incoming = this.#pick(membership.voters);
    this.#outgoing = this.#pick(membership.votersOutgoing);
  }

  /** Forgets all progress and all votes: a snapshot replaces what was known. */
  clear(): void {
    this.#byId = new Map();
    this.#votes.clear();
    this.adopt(NO_MEMBERS, [], asIndex(0));
  }

  /** The highest index that is durable on a quorum of each half; Infinity without voters. */
  committed(): number {
    const incoming = this.#committedBy(this.#incoming);
    if (this.#outgoing.length === 0) return incoming;
    return Math.min(incoming, this.#committedBy(this.#outgoing));
  }

  /** Whether a quorum of each half was heard from since the flags were last cleared. */
  quorumActive(): boolean {
    const active = new Map<MemberId, boolean>();
    for (const progress of this.#members) {
      if (!progress.learner) active.set(progress.member, progress.recentActive);
    }
    const { voters, votersOutgoing } = this.#membership;
    return jointVote(voters, votersOutgoing, active) === "won";
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** The first vote of a member counts; later ones are duplicates. */
  recordVote(member: MemberId, granted: boolean): void {
    if (!this.#votes.has(member)) this.#votes.set(member, granted);
  }

  tallyVotes(): {
    readonly granted: number;
    readonly rejected: number;
    readonly result: VoteResult;
  } {
    let granted = 0;
    let rejected = 0;
    for (const progress of this.#members) {
      const vote = progress.learner ? undefined : this.#votes.get(progress.member);
      if (vote === true) granted += 1;
      else if (vote === false) rejected += 1;
    }
    const { voters, votersOutgoing } = this.#membership;
    return { granted, rejected, result: jointVote(voters, votersOutgoing, this.#votes) };
  }

  #newProgress(member: MemberId, lastIndex: LogIndex): Progress {
    const inflights = new Inflights(this.#inflightMessagesMax, this.#inflightBytesMax);
    const progress = new Progress(member, asIndex(Math.max(lastIndex, 1)), inflights);
    progress.recentActive = true;
    return progress;
  }

  #pick(ids: readonly MemberId[]): readonly Progress[] {
    return ids.map((id) => {
      const progress = this.#byId.get(id);
      invariant(progress !== undefined, `no progress for voter ${id}`);
      return progress;
    });
  }

  #committedBy(voters: readonly Progress[]): number {
    const acked = this.#scratch;
    acked.length = voters.length;
    for (let i = 0; i < voters.length; i += 1) acked[i] = voters[i]?.matchIndex ?? 0;
    return committedByMajority(acked);
  }
}
