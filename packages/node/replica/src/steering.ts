import { Stagger } from "@annals/flow";
import { asIndex } from "@annals/raft";
import type { LogIndex, MemberId, MembershipChange, RaftCore } from "@annals/raft";
import { furthestFollower } from "./peers.ts";
import type { ReplicaStatus } from "./options.ts";
import { stampsAhead } from "./stampClock.ts";
import type { StampClock } from "./stampClock.ts";

interface SteeringOptions {
  readonly self: MemberId;
  readonly core: RaftCore;
  /** Whether the log is led here and what is derived from it is exact. */
  readonly accepting: () => boolean;
  readonly appliedIndex: () => LogIndex;
  readonly stamps: StampClock;
  readonly nodeOf: (member: MemberId) => string | undefined;
  readonly onClockHandOver: (to: MemberId) => void;
}

/** A log changes its leader for the sake of a clock at most so often. */
const CLOCK_HAND_OVER_MS = 60_000;

/** Spaces the hand-overs of one log that are made for the sake of a clock. */
export class HandOverPace extends Stagger {
  constructor() {
    super(CLOCK_HAND_OVER_MS);
  }
}

/** Who leads the log, and who belongs to it, as far as this replica is asked to change that. */
export class Steering {
  readonly #options: SteeringOptions;
  /** Where the last membership change was proposed; the next one waits until it is applied. */
  #membershipIndex: LogIndex = asIndex(0);
  readonly #clockHandOverPace = new HandOverPace();
  #clockHandOvers = 0;

  constructor(options: SteeringOptions) {
    this.#options = options;
  }

  /** Hands leadership to `to`, or to the follower that is furthest; returns whom, or undefined if there is nobody or it does not lead. */
  transferLeadership(to: MemberId | undefined): MemberId | undefined {
    const { core, self } = this.#options;
    const status = core.status();
    if (status.role !== "leader") return undefined;
    const target = to ?? furthestFollower(status, self);
    if (target !== undefined) core.transferLeadership(target);
    return target;
  }

  /** Most clocks contradict the own one: another member should lead. */
  get standsBack(): boolean {
    return this.#options.stamps.off;
  }

  clockStatus(lastRecordedAt: number): Pick<ReplicaStatus, "stampsAhead" | "clockHandOvers"> {
    const ahead = stampsAhead(this.#options.stamps, lastRecordedAt);
    return { stampsAhead: ahead, clockHandOvers: this.#clockHandOvers };
  }

  /** A leader whose clock most others contradict hands over to a member that is caught up and whose clock is right, if there is one. */
  handOverForClock(nowMs: number): void {
    const { core, self, stamps, nodeOf, accepting } = this.#options;
    // Looked at on every replica: how long a clock has been off is known from looking.
    if (!stamps.off || !accepting()) return;
    const status = core.status();
    const progress = status.progress.filter(({ member, matchIndex }) => {
      const node = nodeOf(member);
      return matchIndex >= status.commitIndex && node !== undefined && stamps.trusts(node);
    });
    const target = furthestFollower({ progress }, self);
    if (target === undefined || !this.#clockHandOverPace.tryTake(nowMs)) return;
    this.#clockHandOvers++;
    this.#options.onClockHandOver(target);
    core.transferLeadership(target);
  }

  /** Proposes a membership change, unless one is still under way. */
  proposeMembership(change: MembershipChange): void {
    const { core, accepting, appliedIndex } = this.#options;
    if (!accepting() || appliedIndex() < this.#membershipIndex) return;
    const outcome = core.proposeMembership(change);
    if (outcome.kind === "accepted") this.#membershipIndex = outcome.lastIndex;
  }
}
